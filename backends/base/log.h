#ifndef CACHEFS_LOG_H
#define CACHEFS_LOG_H

/*
 * The daemon's log. Each change of state is one line: the event, its reason, the next step. The log
 * never contains a value or a secret. The log belongs to the process, not to a cache; nothing else
 * does. Thread-safe.
 */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
/* If stderr is the journal, each line has a prefix of sd-daemon. */
enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG };

void log_set_level(enum log_level level);
void log_set_target(enum log_target target);

/*
 * Appends all further lines to this file, whatever the target is. If the file was removed or
 * renamed, the log makes a new file at the path. Never waits: a pipe needs a reader (-ENXIO), and a
 * full pipe loses lines. 0 or -errno.
 */
int log_open_file(const char *path);

/* Opens that file again, because it may have been renamed. Does nothing without a log file. */
void log_reopen(void);

/*
 * Writes the counts of repeated lines. The log only counts an error or a warning that is repeated
 * within some seconds; this function writes each count that has waited long enough as "...
 * (repeated N times)". Call it regularly.
 */
void log_flush_repeats(void);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes one line at level info, of any length. */
void log_long(const char *text);

#endif
