#ifndef CACHEFS_BACKGROUND_H
#define CACHEFS_BACKGROUND_H

/*
 * Going into the background without losing what the user should know: the parent waits for the
 * child's verdict and exits with it, so when the command returns, the mount answers or stderr says
 * why not.
 */

struct background {
	int verdict_fd; /* -1: in the foreground, or told already */
};

#define BACKGROUND_NONE                                                                            \
	{                                                                                          \
		.verdict_fd = -1                                                                   \
	}

/*
 * Forks. Returns in the child only: 0, in a session of its own, in the directory /, with no
 * descriptors but stdio. The parent exits in here. -errno, still in the caller, when there is no
 * child.
 */
int background_enter(struct background *background, const char *mountpoint);

/* The child's verdict; the first one counts. Does nothing in the foreground. ready() detaches
 * stdio. */
void background_ready(struct background *background);
void background_failed(struct background *background, int exit_status);

/* stdin, stdout and stderr become /dev/null. */
void background_detach_stdio(void);

#endif
