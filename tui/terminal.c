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

/* Curses gives the terminal back, stops, takes it again; it spoils errno, which is of whoever was interrupted. */
static void terminal_on_stop(int sig)
{
	int saved = errno;
	terminal_stop.sa_handler(sig);
	errno = saved;
}

static void terminal_watch_stop(void)
{
	struct sigaction ours;
	if (sigaction(SIGTSTP, NULL, &terminal_stop) || terminal_stop.sa_handler == SIG_DFL ||
	    terminal_stop.sa_handler == SIG_IGN)
		return; /* nobody stops us, or nobody asked curses to see to it */
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
