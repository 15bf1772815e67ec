#ifndef CACHEFS_BACKGROUND_H
#define CACHEFS_BACKGROUND_H

/*
 * Goes into the background and still tells the user the result. The parent waits for the child's
 * verdict and exits with it. So when the command returns, the mount answers, or stderr says why it
 * does not.
 */

struct background {
	int verdict_fd; /* -1: in the foreground, or the verdict was sent */
};

#define BACKGROUND_NONE                                                                            \
	{                                                                                          \
		.verdict_fd = -1                                                                   \
	}

/*
 * Forks. Returns only in the child: 0, in a session of its own, in the directory /, with no
 * inherited descriptors but stdio. The parent exits in this function. -errno, in the caller, if
 * there is no child.
 */
int background_enter(struct background *background, const char *mountpoint);

/* Send the child's verdict; the first one counts. They do nothing in the foreground. _ready()
 * detaches stdio. */
void background_ready(struct background *background);
void background_failed(struct background *background, int exit_status);

/* stdin, stdout and stderr become /dev/null. */
void background_detach_stdio(void);

#endif
