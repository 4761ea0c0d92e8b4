/* rescue.c: the terminal after a crash; see rescue.h. */
#include "tui/rescue.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const int rescue_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define RESCUE_SIGNALS (sizeof rescue_signals / sizeof rescue_signals[0])

/* Written before the handlers are set, and not changed while they are. */
static struct {
	int fd;
	pid_t owner; /* a child that crashes has no terminal to give back */
	struct termios before;
	char bytes[TUI_RESCUE_BYTES];
	size_t n;
	struct sigaction old[RESCUE_SIGNALS];
	volatile sig_atomic_t armed;
} rescue;

static void rescue_put_back(void)
{
	for (size_t i = 0; i < RESCUE_SIGNALS; i++)
		sigaction(rescue_signals[i], &rescue.old[i], NULL);
}

/* What the processor has refused it refuses again when we return; what was sent is sent again, and arrives then. */
static void rescue_on_crash(int sig, siginfo_t *info, void *context)
{
	int saved = errno;
	(void)context;
	rescue_put_back();
	if (rescue.armed && getpid() == rescue.owner) {
		rescue.armed = 0;
		if (write(rescue.fd, rescue.bytes, rescue.n) < 0)
			errno = saved; /* there is nobody to tell */
		tcsetattr(rescue.fd, TCSANOW, &rescue.before);
	}
	if (info->si_code <= 0)
		raise(sig);
	errno = saved;
}

void tui_rescue_arm(int fd, const struct termios *before, const char *bytes, size_t n)
{
	struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
	tui_rescue_disarm();
	ours.sa_sigaction = rescue_on_crash;
	sigemptyset(&ours.sa_mask);
	rescue.fd = fd;
	rescue.owner = getpid();
	rescue.before = *before;
	rescue.n = n < TUI_RESCUE_BYTES ? n : TUI_RESCUE_BYTES;
	memcpy(rescue.bytes, bytes, rescue.n);
	rescue.armed = 1;
	for (size_t i = 0; i < RESCUE_SIGNALS; i++)
		sigaction(rescue_signals[i], &ours, &rescue.old[i]);
}

void tui_rescue_disarm(void)
{
	if (!rescue.armed)
		return;
	rescue.armed = 0;
	rescue_put_back();
}
