/* main.c: gcstorm: the command line, with the live screen as its display. */
#include "harness/command/command.h"
#include "tui/screen.h"

int main(int argc, char **argv)
{
	return gcs_command_main(argc, argv, &tui_screen_display);
}
