#ifndef CACHEFS_LOG_H
#define CACHEFS_LOG_H

/*
 * The daemon's log: changes of state, one line each: what, why, what next. Never a value or a
 * secret. The one thing that is per process, not per cache. Thread-safe.
 */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG };

void log_set_level(enum log_level level);
void log_set_target(enum log_target target);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
