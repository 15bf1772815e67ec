/*
 * The daemon's log: see log.h. A line is formatted on the stack and written by one call, so lines
 * of several threads never mix and no lock is needed.
 */
#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum { LINE_SIZE = 2048 };

static atomic_int log_level_now = LOG_LEVEL_INFO;
static atomic_int log_target_now = LOG_TO_STDERR;

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

static void write_stderr(enum log_level level, const char *text)
{
	char line[LINE_SIZE + 64];
	int size = snprintf(line, sizeof(line), "cachefs: %s %s\n", levels[level].name, text);

	/* There is nowhere to report that the log cannot be written. */
	if (size > 0 && write(STDERR_FILENO, line, (size_t)size) < 0)
		return;
}

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
	if (log_target_now == LOG_TO_SYSLOG)
		syslog(levels[level].priority, "%s", text);
	else
		write_stderr(level, text);
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
