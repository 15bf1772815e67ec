#ifndef CACHEFS_LOG_H
#define CACHEFS_LOG_H

/*
 * The daemon's log: changes of state, one line each: what, why, what next. Never a value or a
 * secret. The one thing that is per process, not per cache. Thread-safe.
 */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
/* stderr gets the prefixes of sd-daemon when it is the journal. */
enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG };

void log_set_level(enum log_level level);
void log_set_target(enum log_target target);

/* From now on all lines are appended to this file, whatever the target; to a new one at that path
 * once it was removed or renamed. Never waits: a pipe has to have a reader (-ENXIO), and loses what
 * it is too full for. 0 or -errno. */
int log_open_file(const char *path);

/* Opens that file anew, for it may have been renamed. Does nothing without one. */
void log_reopen(void);

/*
 * An error or a warning that comes again within some seconds is only counted; this tells, as
 * "... (repeated N times)", what has waited long enough. To be called every now and then.
 */
void log_flush_repeats(void);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line at level info of any length. */
void log_long(const char *text);

#endif
