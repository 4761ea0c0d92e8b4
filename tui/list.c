/* list.c: which rows of a list are in sight; see view.h. */
#include "tui/view.h"

int tui_list_top(int at, int n, int room)
{
	int top = at - room / 2;
	top = top > n - room ? n - room : top;
	return top < 0 ? 0 : top;
}
