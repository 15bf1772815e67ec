/*
 * Mounting, and the workarounds for libfuse 3.14:
 *  - libfuse never passes FUSE_PARALLEL_DIROPS on, so all lookups of a directory queue behind the
 *    slowest. It also does not know that a request timeout can be asked for (request_timeout.h). So
 *    we read and write for it (fuse_session_custom_io) and set both in the reply to INIT. The
 *    thread that read INIT answers it, so the facts about INIT are thread-local.
 *  - libfuse does not know STATX: birth.h.
 *  - libfuse's unmount closes the session's descriptor. At this moment another thread may be about
 *    to write a notification or a reply to that number, and a moment later the number may belong to
 *    a database. So we abort the connection, detach the mount, and leave the descriptor to
 *    mount_free().
 *  - libfuse writes its messages to stderr. We redirect them to our log; the last one becomes the
 *    problem.
 */

#include "daemon/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "requests/birth.h"
#include "daemon/mount_check.h"
#include "verbs/mount_table.h"
#include "daemon/recover.h"
#include "requests/owed.h"
#include "requests/request_timeout.h"

struct mount {
	struct fuse_session *se;
	char *mountpoint; /* absolute: the daemon may change its directory */
	struct our_mount seen_as;
	bool mounted;
};

/* ---- libfuse's messages ---- */

static _Thread_local char last_message[256]; /* the last line at error level */
static _Thread_local char line[256];         /* libfuse may write one in pieces */
static _Thread_local bool mount_is_quiet;    /* the message becomes the problem */

static void line_to_log(enum fuse_log_level level)
{
	if (level > FUSE_LOG_INFO) {
		log_debug("%s", line);
	} else if (level > FUSE_LOG_WARNING) {
		log_info("%s", line);
	} else {
		if (!mount_is_quiet)
			log_error("%s", line);
		memcpy(last_message, line, sizeof(line));
	}
	line[0] = '\0';
}

__attribute__((format(printf, 2, 0))) static void on_fuse_log(enum fuse_log_level level,
							      const char *format, va_list args)
{
	size_t used = strlen(line);
	vsnprintf(line + used, sizeof(line) - used, format, args);
	size_t length = strcspn(line, "\n");
	if (line[length] != '\n' && length < sizeof(line) - 1)
		return;
	line[length] = '\0';
	line_to_log(level);
}

/* ---- the reply to INIT ---- */

/* Of newer headers: bit 42 of the flags, and a member in what is unused here. */
enum {
	FLAGS2_REQUEST_TIMEOUT = 1 << 10,
	AT_REQUEST_TIMEOUT = offsetof(struct fuse_init_out, unused) + sizeof(uint32_t),
};

static _Thread_local struct {
	bool pending;
	uint64_t unique;
	bool parallel_dirops;
	unsigned timeout_s; /* to ask for; 0: nothing */
} init_seen;

static void init_look(const void *request, size_t size)
{
	struct {
		struct fuse_in_header header;
		struct fuse_init_in init;
	} in;
	const size_t to_flags = sizeof(in.header) + offsetof(struct fuse_init_in, flags2);
	if (size < to_flags || ((const struct fuse_in_header *)request)->opcode != FUSE_INIT)
		return;
	memset(&in, 0, sizeof(in));
	memcpy(&in, request, size < sizeof(in) ? size : sizeof(in));
	bool extended = (in.init.flags & FUSE_INIT_EXT) != 0;
	bool timeouts = extended && (in.init.flags2 & FLAGS2_REQUEST_TIMEOUT) != 0;
	init_seen.pending = true;
	init_seen.unique = in.header.unique;
	init_seen.parallel_dirops = (in.init.flags & FUSE_PARALLEL_DIROPS) != 0;
	init_seen.timeout_s = timeouts ? request_timeout_read().asked_s : 0;
}

static ssize_t session_read(int fd, void *buffer, size_t size, void *userdata)
{
	(void)userdata;
	ssize_t got = read(fd, buffer, size);
	if (got < (ssize_t)sizeof(struct fuse_in_header))
		return got;
	init_look(buffer, (size_t)got);
	return (ssize_t)birth_read(buffer, (size_t)got);
}

static bool is_init_reply(const struct iovec *iov, int count)
{
	const struct fuse_out_header *out = iov[0].iov_base;
	return count == 2 && iov[0].iov_len == sizeof(*out) && out->unique == init_seen.unique &&
	       out->error == 0 && iov[1].iov_len >= sizeof(uint32_t) * 4 &&
	       iov[1].iov_len <= sizeof(struct fuse_init_out);
}

static void init_ask_for_timeout(struct fuse_init_out *out, uint16_t seconds)
{
	out->flags |= FUSE_INIT_EXT;
	out->flags2 |= FLAGS2_REQUEST_TIMEOUT;
	memcpy((char *)out + AT_REQUEST_TIMEOUT, &seconds, sizeof(seconds));
}

static ssize_t session_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	ssize_t written;

	(void)userdata;
	owed_note_reply(iov);
	if (birth_write(fd, iov, count, &written))
		return written;
	if (!init_seen.pending || !is_init_reply(iov, count))
		return writev(fd, iov, count);
	struct fuse_init_out out = { 0 };
	memcpy(&out, iov[1].iov_base, iov[1].iov_len);
	if (init_seen.parallel_dirops)
		out.flags |= FUSE_PARALLEL_DIROPS;
	if (init_seen.timeout_s > 0 && iov[1].iov_len == sizeof(out))
		init_ask_for_timeout(&out, (uint16_t)init_seen.timeout_s);
	init_seen.pending = false;
	struct iovec patched[2] = { iov[0], { .iov_base = &out, .iov_len = iov[1].iov_len } };
	return writev(fd, patched, 2);
}

/* ---- mounting ---- */

/* Ours for the subtype comes last, so it counts. */
static int args_build(struct fuse_args *args, const char *options, bool debug)
{
	int rc = fuse_opt_add_arg(args, "cachefs");
	if (rc == 0 && options != NULL && options[0] != '\0') {
		rc = fuse_opt_add_arg(args, "-o");
		if (rc == 0)
			rc = fuse_opt_add_arg(args, options);
	}
	if (rc == 0)
		rc = fuse_opt_add_arg(args, "-osubtype=cachefs");
	if (rc == 0 && debug)
		rc = fuse_opt_add_arg(args, "-odebug");
	return rc == 0 ? 0 : -ENOMEM;
}

static int fuse_failed(struct problem *problem, const char *place, const char *what)
{
	return problem_set(problem, place, NULL, "%s%s%s", what, last_message[0] ? ": " : "",
			   last_message);
}

/* fusermount3 writes to the stderr that it inherits: its last line is the reason. */
static void take_messages(int fd)
{
	char text[1024];
	ssize_t size = pread(fd, text, sizeof(text) - 1, 0);
	text[size > 0 ? size : 0] = '\0';
	char *rest = text, *one;
	while ((one = strsep(&rest, "\n")) != NULL) {
		if (strncmp(one, "fusermount3: ", 13) == 0)
			snprintf(last_message, sizeof(last_message), "%s", one + 13);
		else if (one[0] != '\0')
			dprintf(STDERR_FILENO, "%s\n", one);
	}
}

static int session_mount(struct mount *m)
{
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	int messages = memfd_create("messages", MFD_CLOEXEC);
	bool caught = saved >= 0 && messages >= 0 && dup2(messages, STDERR_FILENO) >= 0;
	mount_is_quiet = true;
	int rc = fuse_session_mount(m->se, m->mountpoint);
	mount_is_quiet = false;
	if (caught) {
		dup2(saved, STDERR_FILENO);
		take_messages(messages);
	}
	if (saved >= 0)
		close(saved);
	if (messages >= 0)
		close(messages);
	return rc;
}

static int session_make(struct mount *m, const char *options, bool debug,
			const struct fuse_lowlevel_ops *ops, void *userdata,
			struct problem *problem)
{
	static const struct fuse_custom_io io = { .writev = session_writev, .read = session_read };
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int rc = args_build(&args, options, debug);
	if (rc == 0)
		m->se = fuse_session_new(&args, ops, sizeof(*ops), userdata);
	fuse_opt_free_args(&args);
	if (m->se == NULL)
		return fuse_failed(problem, "-o", "mount options not accepted");
	if (session_mount(m) != 0)
		return mount_check_failure(m->mountpoint, last_message, problem);
	m->mounted = true;
	struct mount_entry entry;
	if (mount_cachefs_at(m->mountpoint, &entry))
		m->seen_as = (struct our_mount){ entry.id, entry.connection };
	if (fuse_session_custom_io(m->se, &io, fuse_session_fd(m->se)) != 0)
		return fuse_failed(problem, m->mountpoint, "cannot set up the session");
	return 0;
}

int mount_open(const char *mountpoint, const char *options, bool debug,
	       const struct fuse_lowlevel_ops *ops, void *userdata, struct mount **mount,
	       struct problem *problem)
{
	*mount = NULL;
	struct mount *m = calloc(1, sizeof(*m));
	if (m == NULL)
		return problem_set(problem, mountpoint, NULL, "out of memory");
	last_message[0] = '\0';
	fuse_set_log_func(on_fuse_log);
	struct stat st;
	int rc = 0;
	m->mountpoint = strdup(mountpoint);
	if (m->mountpoint == NULL)
		rc = problem_set(problem, mountpoint, NULL, "out of memory");
	else if (stat(mountpoint, &st) == 0 &&
		 !S_ISDIR(st.st_mode)) /* libfuse would, over a file */
		rc = problem_set(problem, mountpoint, NULL, "cannot mount here: not a directory");
	if (rc == 0)
		rc = session_make(m, options, debug, ops, userdata, problem);
	if (rc < 0) {
		mount_unmount(m);
		mount_free(m);
		return rc;
	}
	*mount = m;
	return 0;
}

struct fuse_session *mount_session(struct mount *mount)
{
	return mount->se;
}

struct our_mount mount_seen_as(const struct mount *mount)
{
	return mount->seen_as;
}

/* ---- unmounting ---- */

/* The kernel answers POLLERR when the connection is gone: unmounted or aborted. */
static bool connection_is_alive(const struct mount *m)
{
	struct pollfd look = { .fd = fuse_session_fd(m->se) };
	return poll(&look, 1, 0) == 0 || (look.revents & POLLERR) == 0;
}

/* Another mount may be there by now: over ours, or in its place after umount -l. */
bool mount_is_in_place(const struct mount *m)
{
	return m->seen_as.connection == 0 ||
	       mount_connection_at(m->mountpoint) == m->seen_as.connection;
}

/* Closes the connection, neither root nor fusectl being there to end it, or the mount being out of
 * reach. The number stays taken, by something that answers POLLERR: libfuse then unmounts nothing.
 */
static void sever(const struct mount *m)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	close(ends[0]);
	dup2(ends[1], fuse_session_fd(m->se));
	close(ends[1]);
}

void mount_unmount(struct mount *m)
{
	if (m == NULL || m->se == NULL || !m->mounted)
		return;
	m->mounted = false;
	if (connection_is_alive(m) && mount_is_in_place(m)) {
		if (geteuid() == 0)
			umount2(m->mountpoint, MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW);
		else
			run_fusermount(m->mountpoint);
	}
	if (connection_is_alive(m))
		connection_abort(m->seen_as.connection);
	if (connection_is_alive(m))
		sever(m);
}

void mount_free(struct mount *m)
{
	if (m == NULL)
		return;
	if (m->se != NULL) {
		fuse_session_unmount(m->se); /* closes; doesn't unmount what is gone */
		fuse_session_destroy(m->se);
	}
	free(m->mountpoint);
	free(m);
}
