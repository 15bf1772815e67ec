/* The daemon's log. See log.h. One system call writes a line, so lines of several threads never
 * mix. Only the counts of repeated lines need a lock. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/time_source.h"

enum { LINE_SIZE = 2048 };

static atomic_int log_level_now = LOG_LEVEL_INFO;
static atomic_int log_target_now = LOG_TO_STDERR;
static struct {
	atomic_int fd;
	char *path; /* set once, before there are threads */
} log_file = { .fd = -1 };

static const struct {
	const char *name;
	int priority; /* syslog's */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARNING] = { "warning", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

void log_set_level(enum log_level level)
{
	log_level_now = (int)level;
}

void log_set_target(enum log_target target)
{
	if (target == LOG_TO_SYSLOG)
		openlog("cachefs", LOG_PID, LOG_DAEMON);
	log_target_now = (int)target;
}

/* A key may contain anything; one event stays one line. */
static void hide_control_characters(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static bool journal_is_stderr;

/* $JOURNAL_STREAM names the device and inode of the journal's socket. */
static void look_for_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	journal_is_stderr = stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
			    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
			    st.st_ino == inode;
}

/* There is nowhere to report that the log cannot be written. */
static void write_whole(int fd, char *prefix, const char *text)
{
	char newline[] = "\n";
	struct iovec parts[] = {
		{ prefix, strlen(prefix) },
		{ (char *)(uintptr_t)text, strlen(text) },
		{ newline, 1 },
	};

	if (writev(fd, parts, 3) < 0)
		return;
}

static void write_stderr(enum log_level level, const char *text)
{
	static pthread_once_t looked = PTHREAD_ONCE_INIT;
	char number[8] = "", prefix[64];

	pthread_once(&looked, look_for_journal);
	if (journal_is_stderr)
		snprintf(number, sizeof(number), "<%d>", levels[level].priority);
	snprintf(prefix, sizeof(prefix), "%scachefs: %s ", number, levels[level].name);
	write_whole(STDERR_FILENO, prefix, text);
}

static void write_file(int fd, enum log_level level, const char *text)
{
	struct timespec now = time_now();
	struct tm tm;
	char stamp[32], prefix[96];

	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(prefix, sizeof(prefix), "%s.%03ldZ cachefs[%d] %s ", stamp, now.tv_nsec / 1000000,
		 (int)getpid(), levels[level].name);
	write_whole(fd, prefix, text);
}

/* Nobody would ever read what goes to a file that was removed. */
static bool is_out_of_reach(int fd)
{
	struct stat open_one, named;

	return fstat(fd, &open_one) == 0 && S_ISREG(open_one.st_mode) &&
	       (stat(log_file.path, &named) < 0 || named.st_dev != open_one.st_dev ||
		named.st_ino != open_one.st_ino);
}

static void write_line(enum log_level level, const char *text)
{
	int fd = log_file.fd;

	if (fd >= 0 && log_file.path && is_out_of_reach(fd))
		log_open_file(log_file.path); /* or else it goes on in the old one */
	if (fd >= 0)
		write_file(fd, level, text);
	else if (log_target_now == LOG_TO_SYSLOG)
		syslog(levels[level].priority, "%s", text);
	else
		write_stderr(level, text);
}

/* ---- what is said again and again ---- */

enum { REPEATS = 16, REPEAT_MS = 10000 };

static struct repeat {
	char text[LINE_SIZE]; /* empty: free */
	enum log_level level;
	unsigned long count; /* not told yet */
	int64_t since_ms;    /* when it was told */
	unsigned long turn;  /* counts up: who came first */
} repeats[REPEATS];

static struct lock repeats_lock;

static void repeats_lock_make(void)
{
	lock_init(&repeats_lock, RANK_LOG);
}

static void repeats_take(void)
{
	static pthread_once_t made = PTHREAD_ONCE_INIT;

	pthread_once(&made, repeats_lock_make);
	lock_take(&repeats_lock);
}

/* Tells what has been counted; what has not come again is forgotten. */
static void repeat_tell_locked(struct repeat *r, int64_t now_ms)
{
	char text[LINE_SIZE + 64];

	if (r->count == 0) {
		r->text[0] = '\0';
		return;
	}
	snprintf(text, sizeof(text), "%.*s (repeated %lu times)", LINE_SIZE - 1, r->text, r->count);
	write_line(r->level, text);
	r->count = 0;
	r->since_ms = now_ms;
}

/* Whether the line is to be written now, and not only counted. */
static bool is_news(enum log_level level, const char *text)
{
	int64_t now_ms = time_mono_ms(&time_system);
	static unsigned long turn; /* guarded by repeats_lock */
	struct repeat *oldest = &repeats[0];
	bool known = false;

	if (level > LOG_LEVEL_WARNING)
		return true;
	repeats_take();
	for (struct repeat *r = repeats; r < repeats + REPEATS && !known; r++) {
		if (r->text[0] && r->since_ms + REPEAT_MS <= now_ms)
			repeat_tell_locked(r, now_ms);
		known = r->text[0] && r->level == level && strcmp(r->text, text) == 0;
		if (known)
			r->count++;
		else if (!r->text[0] || (oldest->text[0] && r->turn < oldest->turn))
			oldest = r;
	}
	if (!known) {
		if (oldest->text[0])
			repeat_tell_locked(oldest, now_ms);
		*oldest = (struct repeat){ .level = level, .since_ms = now_ms, .turn = ++turn };
		snprintf(oldest->text, sizeof(oldest->text), "%s", text);
	}
	lock_release(&repeats_lock);
	return !known;
}

void log_flush_repeats(void)
{
	int64_t now_ms = time_mono_ms(&time_system);

	repeats_take();
	for (struct repeat *r = repeats; r < repeats + REPEATS; r++)
		if (r->text[0] && r->since_ms + REPEAT_MS <= now_ms)
			repeat_tell_locked(r, now_ms);
	lock_release(&repeats_lock);
}

/* ---- lines ---- */

__attribute__((format(printf, 2, 0))) static void log_line(enum log_level level, const char *format,
							   va_list args)
{
	char text[LINE_SIZE];

	if ((int)level > log_level_now)
		return;
	int size = vsnprintf(text, sizeof(text), format, args);
	if (size >= (int)sizeof(text))
		strcpy(text + sizeof(text) - sizeof("..."), "...");
	hide_control_characters(text);
	if (is_news(level, text))
		write_line(level, text);
}

void log_long(const char *text)
{
	if (LOG_LEVEL_INFO <= log_level_now)
		write_line(LOG_LEVEL_INFO, text);
}

/* ---- the file ---- */

int log_open_file(const char *path)
{
	/* A pipe that nobody reads is no log to wait for, nor one that is full. */
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		      0600);

	if (fd < 0)
		return -errno;
	if (!log_file.path)
		log_file.path = strdup(path);
	/* Other threads may be writing: the number stays, and never means another file. */
	if (log_file.fd >= 0 && log_file.fd != fd) {
		dup3(fd, log_file.fd, O_CLOEXEC);
		close(fd);
	} else {
		log_file.fd = fd;
	}
	return 0;
}

void log_reopen(void)
{
	if (!log_file.path)
		return;
	int rc = log_open_file(log_file.path);
	if (rc < 0)
		log_warning("cannot open the log %s anew: %s; it goes on in the old file",
			    log_file.path, strerror(-rc));
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_LEVEL_ERROR, format, args);
	va_end(args);
}

void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_LEVEL_WARNING, format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_LEVEL_INFO, format, args);
	va_end(args);
}

void log_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_LEVEL_DEBUG, format, args);
	va_end(args);
}
