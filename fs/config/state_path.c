/* See state_path.h. */
#include "config/state_path.h"

#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

/* The directory that holds all of this user's; NULL: out of memory. */
static char *state_home(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int rc;

	if (state && state[0] == '/') {
		rc = asprintf(&path, "%s/cachefs", state);
	} else if (getuid() == 0) {
		/* Mounted from fstab there may be no HOME, and it shall be the same directory. */
		rc = asprintf(&path, "/var/lib/cachefs");
	} else {
		const struct passwd *user = home && home[0] == '/' ? NULL : getpwuid(getuid());

		if (user)
			home = user->pw_dir;
		rc = asprintf(&path, "%s/.local/state/cachefs", home && home[0] == '/' ? home : "");
	}
	return rc < 0 ? NULL : path;
}

/* The canonical path of a regular file. */
static bool canonical(const char *file, const char *base_dir, char real[PATH_MAX])
{
	char path[PATH_MAX];
	struct stat st;
	const char *slash = strrchr(file, '/');

	return snprintf(path, sizeof(path), "%s/%s", base_dir, slash ? slash + 1 : file) <
		       (int)sizeof(path) &&
	       stat(path, &st) == 0 && S_ISREG(st.st_mode) && realpath(path, real);
}

char *state_path_default(const char *file, const char *base_dir, const char *text)
{
	char real[PATH_MAX];
	char *home = state_home(), *path = NULL;
	const char *name = "cache", *identity = text;
	int rc;

	if (!home)
		return NULL;
	if (canonical(file, base_dir, real)) {
		identity = real;
		name = strrchr(real, '/') + 1;
	}
	rc = asprintf(&path, "%s/%.*s-%016llx", home, (int)strcspn(name, "."), name,
		      (unsigned long long)XXH3_64bits(identity, strlen(identity)));
	free(home);
	return rc < 0 ? NULL : path;
}
