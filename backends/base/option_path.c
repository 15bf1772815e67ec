/* Makes absolute paths of paths in options. See option_path.h. */
#include "base/option_path.h"

#include <ctype.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* getpwuid() and getpwnam() are not thread-safe, but configurations are read before any thread is
 * made. */
static const char *home_dir(void)
{
	const char *home = getenv("HOME");

	if (home && home[0] == '/')
		return home;
	const struct passwd *user = getpwuid(getuid());
	return user && user->pw_dir ? user->pw_dir : "/";
}

/* The home directory that a path begins with: "~", "~/x", "~name", "~name/x". *rest is what
 * follows; NULL: there is no such user. */
static const char *home_of(const char *written, const char **rest)
{
	size_t size = strcspn(written, "/");
	char name[64];

	*rest = written + size;
	if (size == 1)
		return home_dir();
	if (size > sizeof(name))
		return NULL;
	snprintf(name, sizeof(name), "%.*s", (int)size - 1, written + 1);
	const struct passwd *user = getpwnam(name);
	return user ? user->pw_dir : NULL;
}

/* $NAME and ${NAME}. */
static bool has_variable(const char *written)
{
	for (const char *at = strchr(written, '$'); at; at = strchr(at + 1, '$'))
		if (at[1] == '{' || at[1] == '_' || isalpha((unsigned char)at[1]))
			return true;
	return false;
}

char *option_path(const char *written, const char *base_dir, struct problem *problem)
{
	char *path = NULL;
	int rc;

	if (has_variable(written)) {
		problem_set(problem, NULL, "write the path itself; \"~/\" is the home directory",
			    "variables are not replaced in a path");
		return NULL;
	}
	if (strstr(written, "://")) {
		problem_set(problem, NULL, "write the path alone", "a URL is not a path");
		return NULL;
	}
	if (written[0] == '~') {
		const char *rest, *home = home_of(written, &rest);
		if (!home) {
			problem_set(problem, NULL, "\"./~...\" is a name that begins with a tilde",
				    "there is no user \"%.*s\"", (int)strcspn(written + 1, "/"),
				    written + 1);
			return NULL;
		}
		rc = asprintf(&path, "%s%s", home, rest);
	} else if (written[0] == '/' || !base_dir) {
		rc = asprintf(&path, "%s", written);
	} else {
		rc = asprintf(&path, "%s/%s", strcmp(base_dir, "/") == 0 ? "" : base_dir, written);
	}
	return rc < 0 ? NULL : path;
}
