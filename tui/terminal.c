/* terminal.c: canvas to ncurses, keys from it; see terminal.h. */
#define _XOPEN_SOURCE_EXTENDED 1
#include "tui/terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

static SCREEN *terminal_screen;
static bool terminal_colour;
static struct sigaction terminal_stop; /* of curses, on SIGTSTP */

/* The colour scheme: a meaning, its colour, and what stands for it without colour. */
static const struct {
	short fg;
	attr_t with_colour, without;
} terminal_role[TUI_ROLES] = {
	[TUI_PLAIN] = {-1, A_NORMAL, A_NORMAL},
	[TUI_DIM] = {-1, A_DIM, A_NORMAL},
	[TUI_RULE] = {COLOR_BLUE, A_NORMAL, A_NORMAL},
	[TUI_TITLE] = {-1, A_BOLD, A_BOLD},
	[TUI_GOOD] = {COLOR_GREEN, A_NORMAL, A_NORMAL},
	[TUI_WARN] = {COLOR_YELLOW, A_BOLD, A_BOLD},
	[TUI_BAD] = {COLOR_RED, A_BOLD, A_REVERSE},
	[TUI_FAULT] = {COLOR_MAGENTA, A_BOLD, A_BOLD},
	[TUI_BAR] = {COLOR_CYAN, A_NORMAL, A_NORMAL},
	[TUI_HEAP] = {COLOR_GREEN, A_NORMAL, A_NORMAL},
	[TUI_GOAL] = {COLOR_YELLOW, A_NORMAL, A_NORMAL},
	[TUI_KEY] = {COLOR_CYAN, A_BOLD, A_BOLD},
	[TUI_SELECTED] = {-1, A_BOLD, A_BOLD},
	[TUI_CURSOR] = {-1, A_REVERSE, A_REVERSE},
};

/* ---- Ctrl-Z. Curses' own handler draws, and so allocates, in whatever was interrupted; ours does what a handler may: it writes what was made ready
 * when the terminal was opened, and sets modes. The whole screen is drawn anew with the next frame. */
#define TERMINAL_BYTES_MAX 256
static struct {
	struct termios before;	      /* modes of whoever had the terminal */
	char leave[TERMINAL_BYTES_MAX], enter[TERMINAL_BYTES_MAX];
	size_t leave_bytes, enter_bytes;
	volatile sig_atomic_t continued; /* draw everything */
} terminal_pause;

/* A capability without its padding, behind what is there; one that is too long or not there is left out. */
static void terminal_add(char to[TERMINAL_BYTES_MAX], size_t *bytes, const char *name)
{
	const char *text = tigetstr(name);
	if (text == NULL || text == (const char *)-1 || *bytes + strlen(text) > TERMINAL_BYTES_MAX)
		return;
	while (*text) {
		const char *end = text[0] == '$' && text[1] == '<' ? strchr(text, '>') : NULL;
		if (end)
			text = end + 1;
		else
			to[(*bytes)++] = *text++;
	}
}

static void terminal_write(const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(STDOUT_FILENO, text, bytes);
		if (n < 0 && errno != EINTR)
			return;
		text += n > 0 ? n : 0;
		bytes -= n > 0 ? (size_t)n : 0;
	}
}

static void terminal_on_stop(int sig)
{
	struct termios ours;
	int saved = errno;
	(void)sig;
	bool known = tcgetattr(STDIN_FILENO, &ours) == 0;
	terminal_write(terminal_pause.leave, terminal_pause.leave_bytes);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal_pause.before);
	kill(getpid(), SIGSTOP);
	if (known)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &ours); /* in the background: stops again, until we have the terminal */
	terminal_write(terminal_pause.enter, terminal_pause.enter_bytes);
	terminal_pause.continued = 1;
	errno = saved;
}

static void terminal_watch_stop(void)
{
	static const char *const leave[] = {"sgr0", "op", "rmkx", "cnorm", "rmcup"}, *const enter[] = {"smcup", "smkx", "civis"};
	struct sigaction ours;
	if (sigaction(SIGTSTP, NULL, &terminal_stop) || terminal_stop.sa_handler == SIG_DFL ||
	    terminal_stop.sa_handler == SIG_IGN)
		return; /* nobody stops us, or nobody asked curses to see to it */
	terminal_pause.leave_bytes = terminal_pause.enter_bytes = 0;
	for (size_t i = 0; i < sizeof leave / sizeof leave[0]; i++)
		terminal_add(terminal_pause.leave, &terminal_pause.leave_bytes, leave[i]);
	for (size_t i = 0; i < sizeof enter / sizeof enter[0]; i++)
		terminal_add(terminal_pause.enter, &terminal_pause.enter_bytes, enter[i]);
	ours = terminal_stop;
	ours.sa_handler = terminal_on_stop;
	sigaction(SIGTSTP, &ours, NULL);
}

static void terminal_leave_stop(void)
{
	struct sigaction now;
	if (sigaction(SIGTSTP, NULL, &now) == 0 && now.sa_handler == terminal_on_stop)
		sigaction(SIGTSTP, &terminal_stop, NULL);
}

int tui_terminal_open(bool no_colour)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	setlocale(LC_CTYPE, "");
	if (tcgetattr(STDIN_FILENO, &terminal_pause.before))
		return -errno;
	terminal_screen = newterm(NULL, stdout, stdin);
	if (terminal_screen == NULL)
		return -ENXIO;
	set_term(terminal_screen);
	terminal_watch_stop();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	terminal_colour = !no_colour && has_colors();
	if (terminal_colour) {
		start_color();
		use_default_colors();
		for (short r = 0; r < TUI_ROLES; r++)
			init_pair((short)(r + 1), terminal_role[r].fg, -1);
	}
	return 0;
}

void tui_terminal_close(void)
{
	if (terminal_screen == NULL)
		return;
	endwin();
	terminal_leave_stop();
	delscreen(terminal_screen);
	terminal_screen = NULL;
}

void tui_terminal_size(int *ret_rows, int *ret_cols)
{
	struct winsize ws;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0 && ws.ws_col > 0) {
		if (ws.ws_row != LINES || ws.ws_col != COLS)
			resizeterm(ws.ws_row, ws.ws_col);
	}
	*ret_rows = LINES;
	*ret_cols = COLS;
}

bool tui_terminal_ascii(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

static void terminal_attr(uint8_t role)
{
	if (terminal_colour)
		attr_set(terminal_role[role].with_colour, (short)(role + 1), NULL);
	else
		attr_set(terminal_role[role].without, 0, NULL);
}

void tui_terminal_show(const struct tui_canvas *c)
{
	if (terminal_pause.continued) {
		terminal_pause.continued = 0;
		clearok(curscr, TRUE);
	}
	for (int row = 0; row < c->rows && row < LINES; row++) {
		move(row, 0);
		for (int col = 0; col < c->cols && col < COLS; col++) {
			const struct tui_cell *cell = &c->cell[row * c->cols + col];
			wchar_t wide[2] = {(wchar_t)cell->ch, 0};
			terminal_attr(cell->role);
			addwstr(wide);
		}
	}
	refresh();
}

static const struct { int curses, ours; } terminal_keys[] = {
	{KEY_UP, TUI_KEY_UP}, {KEY_DOWN, TUI_KEY_DOWN}, {KEY_PPAGE, TUI_KEY_PAGE_UP}, {KEY_NPAGE, TUI_KEY_PAGE_DOWN},
	{KEY_LEFT, TUI_KEY_LEFT}, {KEY_RIGHT, TUI_KEY_RIGHT}, {KEY_SLEFT, TUI_KEY_SHIFT_LEFT}, {KEY_SRIGHT, TUI_KEY_SHIFT_RIGHT},
	{KEY_HOME, TUI_KEY_HOME}, {KEY_END, TUI_KEY_END}, {KEY_ENTER, TUI_KEY_ENTER}, {'\n', TUI_KEY_ENTER}, {'\r', TUI_KEY_ENTER},
	{KEY_BACKSPACE, TUI_KEY_BACKSPACE}, {0x7f, TUI_KEY_BACKSPACE}, {0x08, TUI_KEY_BACKSPACE}, {0x1b, TUI_KEY_ESCAPE},
	{KEY_BTAB, TUI_KEY_BACK_TAB},
};

int tui_terminal_key(void)
{
	int key = getch();
	if (key == ERR || key == KEY_RESIZE)
		return TUI_KEY_NONE;
	for (size_t i = 0; i < sizeof terminal_keys / sizeof terminal_keys[0]; i++)
		if (terminal_keys[i].curses == key)
			return terminal_keys[i].ours;
	if (key >= KEY_F(1) && key <= KEY_F(12))
		return TUI_KEY_F1 + (key - KEY_F(1));
	return key < 0x100 ? key : TUI_KEY_NONE;
}
