/*
 * terminal.c: canvas to ncurses, keys from it; see terminal.h.
 *
 * Curses writes and waits until all is written, so what it writes to is no terminal but memory: a file without a name, in the place of the
 * descriptor that it was given. From there the terminal gets what it takes without waiting; what it does not take is kept, and there is no
 * new frame before it is gone, so that what curses takes for shown is shown in the end.
 */
#define _XOPEN_SOURCE_EXTENDED 1
#include "tui/terminal.h"

#include "tui/palette.h"
#include "tui/rescue.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <term.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#define TERMINAL_MOUSE_ON  "\033[?1000h\033[?1006h"
#define TERMINAL_MOUSE_OFF "\033[?1006l\033[?1000l"
#define TERMINAL_MOUSE_NS  INT64_C(200000000) /* a report whose rest has not come by then is none */
enum { TERMINAL_HEAD_SGR = 0x4001, TERMINAL_HEAD_OLD }; /* keys of curses, made for the heads of mouse.h */

static SCREEN *terminal_screen;
static FILE *terminal_in, *terminal_out;
static FILE *terminal_curses; /* of curses: a descriptor of the terminal until it has set its modes, then of the memory */
static struct termios terminal_before;
static struct {
	int memory, tty;  /* -1 none */
	off_t taken;      /* of what is in memory */
	bool stalled;     /* it did not take all in its time: it gets none before it has taken something */
} terminal_bytes = {-1, -1, 0, false};
static struct tui_canvas terminal_told; /* what curses has been told; without cells: nothing yet */
static bool terminal_own;   /* both are one /dev/tty, and ours to close */
static bool terminal_gone;  /* hung up */
static bool terminal_mouse; /* it reports */
static attr_t terminal_attrs[TUI_ROLES];
static short terminal_pair[TUI_ROLES];
static struct { struct tui_mouse_reader reader; struct tui_mouse last; int64_t begun_ns; } terminal_report;

static int64_t terminal_clock(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---------------------------------------------------------------- taken over and given back */

static void terminal_tell(const char *bytes)
{
	ssize_t told = write(fileno(terminal_curses), bytes, strlen(bytes));
	(void)told; /* into memory; where there is none the mouse is not asked for */
}

static int terminal_find(void)
{
	terminal_in = stdin;
	terminal_out = stdout;
	terminal_own = !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO);
	if (!terminal_own)
		return 0;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -ENOTTY;
	terminal_in = terminal_out = fdopen(fd, "r+");
	if (terminal_in)
		return 0;
	close(fd);
	return -ENOMEM;
}

/* A descriptor of the terminal that does not wait. It must be an open file of its own: the one that we have is our parent's, too. */
static int terminal_reopen(void)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(terminal_out));
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		fd = open("/dev/tty", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? fcntl(fileno(terminal_out), F_DUPFD_CLOEXEC, 0) : fd;
}

/* The ends of the way from curses to the terminal; curses' own leads to the terminal for now. 0, -errno. */
static int terminal_lay(void)
{
	terminal_bytes.taken = 0;
	terminal_bytes.stalled = false;
	terminal_bytes.tty = terminal_reopen();
	terminal_bytes.memory = memfd_create("gcstorm-screen", MFD_CLOEXEC);
	int fd = fcntl(fileno(terminal_out), F_DUPFD_CLOEXEC, 0);
	terminal_curses = fd < 0 ? NULL : fdopen(fd, "w");
	if (terminal_bytes.tty >= 0 && terminal_bytes.memory >= 0 && terminal_curses)
		return 0;
	int rc = errno ? -errno : -ENOMEM;
	if (fd >= 0 && !terminal_curses)
		close(fd);
	return rc;
}

static void terminal_leave(void)
{
	if (terminal_curses)
		fclose(terminal_curses);
	if (terminal_bytes.memory >= 0)
		close(terminal_bytes.memory);
	if (terminal_bytes.tty >= 0)
		close(terminal_bytes.tty);
	terminal_curses = NULL;
	terminal_bytes.memory = terminal_bytes.tty = -1;
	tui_canvas_fini(&terminal_told);
	if (terminal_own)
		fclose(terminal_in);
	terminal_in = terminal_out = NULL;
}

/* A capability; NULL: the terminal has it not, or its description takes it back. */
static const char *terminal_has(const char *capability)
{
	return capability == (const char *)(intptr_t)-1 ? NULL : capability;
}

/* Its type is known and it can place its cursor. Asked before newterm, which keeps memory of what it cannot open. */
static bool terminal_known(void)
{
	int why = 0;
	bool known = setupterm(NULL, fileno(terminal_out), &why) == OK && terminal_has(cursor_address);
	if (cur_term)
		del_curterm(cur_term);
	return known;
}

static int terminal_begin(void)
{
	if (!terminal_known())
		return -ENXIO;
	int rc = terminal_lay();
	if (rc < 0)
		return rc;
	terminal_screen = newterm(NULL, terminal_curses, terminal_in);
	if (terminal_screen == NULL)
		return -ENXIO;
	set_term(terminal_screen);
	return 0;
}

/* The modes are the terminal's, the bytes from here on the memory's. */
static int terminal_set(void)
{
	cbreak();
	noecho();
	nonl();
	return dup3(terminal_bytes.memory, fileno(terminal_curses), O_CLOEXEC) < 0 ? -errno : 0;
}

static void terminal_colours(bool wanted)
{
	int colours = 0;
	short own = -1;
	if (wanted && has_colors() && start_color() == OK) {
		colours = COLORS;
		if (use_default_colors() != OK)
			own = COLOR_WHITE; /* on black, which is then what the terminal has */
	}
	for (short r = 0; r < TUI_ROLES; r++) {
		struct tui_shade shade = tui_palette((enum tui_role)r, colours);
		terminal_attrs[r] = (shade.bold ? A_BOLD : 0u) | (shade.dim ? A_DIM : 0u) | (shade.reverse ? A_REVERSE : 0u);
		terminal_pair[r] = colours ? (short)(r + 1) : 0;
		if (colours)
			init_pair(terminal_pair[r], shade.colour < 0 ? own : shade.colour, own < 0 ? -1 : COLOR_BLACK);
	}
}

/* Curses' own reader waits for the rest of a report, and on a terminal that says half of one it would wait for ever. */
static void terminal_ask_mouse(bool wanted)
{
	const char *head = terminal_has(key_mouse);
	terminal_report.reader.reading = false;
	terminal_mouse = wanted && head && (strcmp(head, "\033[M") == 0 || strcmp(head, "\033[<") == 0);
	if (!terminal_mouse)
		return;
	define_key("\033[<", TERMINAL_HEAD_SGR);
	define_key("\033[M", TERMINAL_HEAD_OLD);
	terminal_tell(TERMINAL_MOUSE_ON);
}

static void terminal_arm_rescue(const struct termios *before)
{
	const char *leaves[] = {exit_attribute_mode, orig_pair, keypad_local, cursor_normal, exit_ca_mode};
	const char *enters[] = {enter_ca_mode, keypad_xmit, cursor_invisible};
	struct tui_rescue_bytes leave = {.n = 0}, enter = {.n = 0};
	tui_rescue_add(&leave, terminal_mouse ? TERMINAL_MOUSE_OFF : NULL);
	for (size_t i = 0; i < sizeof leaves / sizeof leaves[0]; i++)
		tui_rescue_add(&leave, terminal_has(leaves[i]));
	for (size_t i = 0; i < sizeof enters / sizeof enters[0]; i++)
		tui_rescue_add(&enter, terminal_has(enters[i]));
	tui_rescue_add(&enter, terminal_mouse ? TERMINAL_MOUSE_ON : NULL);
	tui_rescue_arm(fileno(terminal_in), fileno(terminal_out), before, &leave, &enter);
}

/* What the program found is there again. */
static void terminal_end(void)
{
	tcsetattr(fileno(terminal_in), TCSANOW, &terminal_before);
	delscreen(terminal_screen);
	terminal_screen = NULL;
	terminal_mouse = false;
	terminal_leave();
}

int tui_terminal_open(struct tui_terminal_wishes wishes)
{
	int rc = terminal_find();
	if (rc < 0)
		return rc;
	setlocale(LC_CTYPE, "");
	terminal_gone = false;
	rc = tcgetattr(fileno(terminal_in), &terminal_before) < 0 ? -errno : terminal_begin();
	if (rc < 0) {
		terminal_leave();
		return rc;
	}
	rc = terminal_set();
	if (rc < 0) {
		terminal_end();
		return rc;
	}
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	typeahead(-1); /* a key does not end a frame: what curses was told once is not told again */
	set_escdelay(25);
	curs_set(0);
	terminal_colours(!wishes.no_colour);
	terminal_ask_mouse(!wishes.no_mouse);
	terminal_arm_rescue(&terminal_before);
	return 0;
}

/* What the terminal shows is not known any more: all is told and written anew. */
static void terminal_forget(void)
{
	clearok(curscr, TRUE);
	tui_canvas_fini(&terminal_told);
}

void tui_terminal_size(int *ret_rows, int *ret_cols)
{
	struct winsize ws;
	if (ioctl(fileno(terminal_out), TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0 && ws.ws_col > 0) {
		if (ws.ws_row != LINES || ws.ws_col != COLS) {
			resizeterm(ws.ws_row, ws.ws_col);
			terminal_forget();
		}
	}
	*ret_rows = LINES;
	*ret_cols = COLS;
}

bool tui_terminal_ascii(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

bool tui_terminal_console(void)
{
	const char *term = getenv("TERM");
	return term && (strcmp(term, "linux") == 0 || strncmp(term, "linux-", 6) == 0);
}

/* ---------------------------------------------------------------- out */

/* Until it takes bytes again, so long at most; -1: or is gone. */
static bool terminal_await(int64_t ns)
{
	struct pollfd fd = {.fd = terminal_bytes.tty, .events = POLLOUT};
	int n = 0;
	do
		n = poll(&fd, 1, ns < 0 ? -1 : (int)((ns + 999999) / 1000000));
	while (n < 0 && errno == EINTR && ns < 0);
	return n > 0 && (fd.revents & POLLOUT);
}

/* Some of what is in memory. > 0; 0: there is none; -errno, -EAGAIN: it takes none now. */
static ssize_t terminal_give(void)
{
	char part[4096];
	ssize_t n = pread(terminal_bytes.memory, part, sizeof part, terminal_bytes.taken);
	if (n <= 0)
		return 0;
	n = write(terminal_bytes.tty, part, (size_t)n);
	if (n <= 0)
		return n < 0 ? -errno : -EAGAIN;
	terminal_bytes.taken += n;
	terminal_bytes.stalled = false;
	return n;
}

/* What it takes, waiting so long at most; -1: until it has all, or is gone. true: it has all. */
static bool terminal_pump(int64_t wait_ns)
{
	int64_t until_ns = terminal_clock() + wait_ns;
	ssize_t n = 1;
	while (n > 0 || n == -EINTR) {
		n = terminal_give();
		int64_t left_ns = wait_ns < 0 ? -1 : terminal_bytes.stalled ? 0 : until_ns - terminal_clock();
		if (n == -EAGAIN && (wait_ns < 0 || left_ns > 0) && terminal_await(left_ns))
			n = 1;
	}
	terminal_bytes.stalled = n == -EAGAIN;
	terminal_gone |= n < 0 && n != -EAGAIN;
	if (n == 0 && terminal_bytes.taken > 0 && ftruncate(terminal_bytes.memory, 0) == 0)
		terminal_bytes.taken = lseek(terminal_bytes.memory, 0, SEEK_SET); /* curses' descriptor moves with it */
	return n == 0;
}

/* What poll says of it now. */
static short terminal_poll(short events)
{
	struct pollfd fd = {.fd = fileno(terminal_out), .events = events};
	if (terminal_gone || poll(&fd, 1, 0) < 1)
		return 0;
	terminal_gone = fd.revents & (POLLHUP | POLLERR | POLLNVAL);
	return terminal_gone ? 0 : fd.revents;
}

static bool terminal_differs(const struct tui_cell *a, const struct tui_cell *b)
{
	return a->ch != b->ch || a->role != b->role;
}

#define TERMINAL_RUN 128 /* cells told at once */

/* The cells of a row that are not as they were told last, from col on; the column behind them. */
static int terminal_row(const struct tui_cell *cell, struct tui_cell *told, int row, int col, int cols)
{
	cchar_t run[TERMINAL_RUN];
	int n = 0;
	for (; col + n < cols && n < TERMINAL_RUN && terminal_differs(&cell[col + n], &told[col + n]); n++) {
		wchar_t wide[2] = {(wchar_t)cell[col + n].ch, 0};
		uint8_t role = cell[col + n].role;
		setcchar(&run[n], wide, terminal_attrs[role], terminal_pair[role], NULL);
		told[col + n] = cell[col + n];
	}
	mvadd_wchnstr(row, col, run, n);
	return col + n;
}

/* Room for what is told, of the screen's size; of another size it knows of nothing. */
static bool terminal_remember(void)
{
	if (terminal_told.cell && terminal_told.rows == LINES && terminal_told.cols == COLS)
		return true;
	if (tui_canvas_resize(&terminal_told, LINES, COLS) < 0)
		return false;
	memset(terminal_told.cell, 0, (size_t)LINES * (size_t)COLS * sizeof terminal_told.cell[0]);
	return true;
}

/* true: something is new. */
static bool terminal_tell_cells(const struct tui_canvas *c)
{
	int rows = c->rows < LINES ? c->rows : LINES, cols = c->cols < COLS ? c->cols : COLS;
	bool any = false;
	for (int row = 0; row < rows; row++) {
		const struct tui_cell *cell = &c->cell[row * c->cols];
		struct tui_cell *told = &terminal_told.cell[row * terminal_told.cols];
		for (int col = 0; col < cols;)
			if (!terminal_differs(&cell[col], &told[col]))
				col++;
			else
				col = terminal_row(cell, told, row, col, cols), any = true;
	}
	return any;
}

void tui_terminal_show(const struct tui_canvas *c, int64_t patience_ns)
{
	if (!(terminal_poll(POLLOUT) & POLLOUT) || !terminal_pump(patience_ns) || !terminal_remember())
		return;
	bool anew = tui_rescue_continued();
	if (anew)
		clearok(curscr, TRUE);
	if (terminal_tell_cells(c) || anew)
		refresh();
	terminal_pump(patience_ns);
}

void tui_terminal_close(void)
{
	if (terminal_screen == NULL)
		return;
	tui_rescue_disarm();
	if (terminal_mouse)
		terminal_tell(TERMINAL_MOUSE_OFF);
	endwin(); /* sets the modes of what is no terminal, in vain */
	terminal_pump(-1);
	terminal_end();
}

/* ---------------------------------------------------------------- in */

static const struct { int curses, ours; } terminal_keys[] = {
	{KEY_UP, TUI_KEY_UP}, {KEY_DOWN, TUI_KEY_DOWN}, {KEY_PPAGE, TUI_KEY_PAGE_UP}, {KEY_NPAGE, TUI_KEY_PAGE_DOWN},
	{KEY_LEFT, TUI_KEY_LEFT}, {KEY_RIGHT, TUI_KEY_RIGHT}, {KEY_SLEFT, TUI_KEY_SHIFT_LEFT}, {KEY_SRIGHT, TUI_KEY_SHIFT_RIGHT},
	{KEY_HOME, TUI_KEY_HOME}, {KEY_END, TUI_KEY_END}, {KEY_ENTER, TUI_KEY_ENTER}, {'\n', TUI_KEY_ENTER}, {'\r', TUI_KEY_ENTER},
	{KEY_BACKSPACE, TUI_KEY_BACKSPACE}, {0x7f, TUI_KEY_BACKSPACE}, {0x08, TUI_KEY_BACKSPACE}, {0x1b, TUI_KEY_ESCAPE},
	{KEY_BTAB, TUI_KEY_BACK_TAB},
};

static int terminal_named(int key)
{
	for (size_t i = 0; i < sizeof terminal_keys / sizeof terminal_keys[0]; i++)
		if (terminal_keys[i].curses == key)
			return terminal_keys[i].ours;
	if (key >= KEY_F(1) && key <= KEY_F(12))
		return TUI_KEY_F1 + (key - KEY_F(1));
	return key >= 0 && key < 0x100 ? key : 0;
}

/* 0: no key, and more may be there. */
static int terminal_take(int key)
{
	struct tui_mouse_reader *r = &terminal_report.reader;
	if (key == TERMINAL_HEAD_SGR || key == TERMINAL_HEAD_OLD) {
		tui_mouse_begin(r, key == TERMINAL_HEAD_SGR);
		terminal_report.begun_ns = terminal_clock();
		return 0;
	}
	r->reading = r->reading && terminal_clock() - terminal_report.begun_ns < TERMINAL_MOUSE_NS;
	if (!r->reading)
		return terminal_named(key);
	int got = key < 0x100 ? tui_mouse_feed(r, key, &terminal_report.last) : -1;
	r->reading &= got == 0;
	return got > 0 ? TUI_KEY_MOUSE : got < 0 ? terminal_named(key) : 0;
}

int tui_terminal_key(void)
{
	int key = 0, taken = 0;
	while (taken == 0) {
		if (terminal_poll(POLLIN), terminal_gone)
			return TUI_KEY_NONE;
		key = getch();
		if (key == ERR)
			return TUI_KEY_NONE;
		if (key == KEY_RESIZE)
			terminal_forget(); /* it may have the size that it had, and not what was on it */
		taken = key == KEY_RESIZE ? 0 : terminal_take(key);
	}
	return taken;
}

struct tui_mouse tui_terminal_mouse(void)
{
	return terminal_report.last;
}

int tui_terminal_fd(void)
{
	return terminal_gone ? -1 : fileno(terminal_in);
}
