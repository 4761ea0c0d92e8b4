/* rescue.c: the terminal after a crash and at Ctrl-Z; see rescue.h. */
#include "tui/rescue.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const int rescue_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define RESCUE_SIGNALS (sizeof rescue_signals / sizeof rescue_signals[0])

/* Written before the handlers are set, and not changed while they are; but for the flags. */
static struct {
	int fd_in, fd_out;
	pid_t owner; /* a child that crashes has no terminal to give back */
	struct termios before;
	struct tui_rescue_bytes leave, enter;
	struct sigaction old[RESCUE_SIGNALS], old_stop;
	bool stops; /* SIGTSTP is ours */
	volatile sig_atomic_t armed, continued;
} rescue;

void tui_rescue_add(struct tui_rescue_bytes *b, const char *capability)
{
	if (capability == NULL || b->n + strlen(capability) > TUI_RESCUE_BYTES)
		return;
	while (*capability) {
		const char *end = capability[0] == '$' && capability[1] == '<' ? strchr(capability, '>') : NULL;
		if (end)
			capability = end + 1;
		else
			b->text[b->n++] = *capability++;
	}
}

static void rescue_write(const struct tui_rescue_bytes *b)
{
	size_t done = 0;
	while (done < b->n) {
		ssize_t n = write(rescue.fd_out, b->text + done, b->n - done);
		if (n < 0 && errno != EINTR)
			return; /* there is nobody to tell */
		done += n > 0 ? (size_t)n : 0;
	}
}

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
		rescue_write(&rescue.leave);
		tcsetattr(rescue.fd_in, TCSANOW, &rescue.before);
	}
	if (info->si_code <= 0)
		raise(sig);
	errno = saved;
}

static void rescue_on_stop(int sig)
{
	struct termios ours;
	int saved = errno;
	(void)sig;
	bool known = tcgetattr(rescue.fd_in, &ours) == 0;
	rescue_write(&rescue.leave);
	tcsetattr(rescue.fd_in, TCSADRAIN, &rescue.before);
	kill(getpid(), SIGSTOP);
	if (known)
		tcsetattr(rescue.fd_in, TCSADRAIN, &ours); /* in the background: stops again, until we have the terminal */
	rescue_write(&rescue.enter);
	rescue.continued = 1;
	errno = saved;
}

/* Only where curses sees to it: otherwise nobody stops us, or whoever started us ignores it. */
static void rescue_watch_stop(void)
{
	struct sigaction ours;
	rescue.stops = sigaction(SIGTSTP, NULL, &rescue.old_stop) == 0 && rescue.old_stop.sa_handler != SIG_DFL &&
		       rescue.old_stop.sa_handler != SIG_IGN;
	if (!rescue.stops)
		return;
	ours = rescue.old_stop;
	ours.sa_handler = rescue_on_stop;
	sigaction(SIGTSTP, &ours, NULL);
}

void tui_rescue_arm(int fd_in, int fd_out, const struct termios *before, const struct tui_rescue_bytes *leave,
		    const struct tui_rescue_bytes *enter)
{
	struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
	tui_rescue_disarm();
	ours.sa_sigaction = rescue_on_crash;
	sigemptyset(&ours.sa_mask);
	rescue.fd_in = fd_in;
	rescue.fd_out = fd_out;
	rescue.owner = getpid();
	rescue.before = *before;
	rescue.leave = *leave;
	rescue.enter = *enter;
	rescue.continued = 0;
	rescue.armed = 1;
	for (size_t i = 0; i < RESCUE_SIGNALS; i++)
		sigaction(rescue_signals[i], &ours, &rescue.old[i]);
	rescue_watch_stop();
}

void tui_rescue_disarm(void)
{
	if (!rescue.armed)
		return;
	rescue.armed = 0;
	if (rescue.stops)
		sigaction(SIGTSTP, &rescue.old_stop, NULL);
	rescue_put_back();
}

bool tui_rescue_continued(void)
{
	if (!rescue.continued)
		return false;
	rescue.continued = 0;
	return true;
}
