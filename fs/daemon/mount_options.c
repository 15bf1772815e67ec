/* The words of -o: see mount_options.h. */
#include "daemon/mount_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mount_option {
	const char *name;
	enum { OPTION_PLAIN, OPTION_VALUE, OPTION_DROPPED } kind;
};

static const struct mount_option known[] = {
	/* for libfuse and the kernel */
	{ "allow_other", OPTION_PLAIN },
	{ "allow_root", OPTION_PLAIN },
	{ "auto_unmount", OPTION_PLAIN },
	{ "default_permissions", OPTION_PLAIN },
	{ "fsname", OPTION_VALUE },
	{ "context", OPTION_VALUE },
	{ "ro", OPTION_PLAIN },
	{ "rw", OPTION_PLAIN },
	{ "suid", OPTION_PLAIN },
	{ "nosuid", OPTION_PLAIN },
	{ "dev", OPTION_PLAIN },
	{ "nodev", OPTION_PLAIN },
	{ "exec", OPTION_PLAIN },
	{ "noexec", OPTION_PLAIN },
	{ "atime", OPTION_PLAIN },
	{ "noatime", OPTION_PLAIN },
	{ "sync", OPTION_PLAIN },
	{ "async", OPTION_PLAIN },
	{ "dirsync", OPTION_PLAIN },
	/* for mount(8), systemd and other readers of fstab */
	{ "defaults", OPTION_DROPPED },
	{ "auto", OPTION_DROPPED },
	{ "noauto", OPTION_DROPPED },
	{ "nofail", OPTION_DROPPED },
	{ "_netdev", OPTION_DROPPED },
	{ "user", OPTION_DROPPED },
	{ "nouser", OPTION_DROPPED },
	{ "users", OPTION_DROPPED },
	{ "nousers", OPTION_DROPPED },
	{ "owner", OPTION_DROPPED },
	{ "noowner", OPTION_DROPPED },
	{ "group", OPTION_DROPPED },
	{ "nogroup", OPTION_DROPPED },
	{ "comment", OPTION_DROPPED },
	{ "uhelper", OPTION_DROPPED },
	{ "helper", OPTION_DROPPED },
	{ "subtype", OPTION_DROPPED }, /* it is always ours */
	/* without a meaning for fuse, whose access times are the daemon's */
	{ "relatime", OPTION_DROPPED },
	{ "norelatime", OPTION_DROPPED },
	{ "strictatime", OPTION_DROPPED },
	{ "nostrictatime", OPTION_DROPPED },
	{ "lazytime", OPTION_DROPPED },
	{ "nolazytime", OPTION_DROPPED },
	{ "diratime", OPTION_DROPPED },
	{ "nodiratime", OPTION_DROPPED },
	{ "iversion", OPTION_DROPPED },
	{ "noiversion", OPTION_DROPPED },
	{ "mand", OPTION_DROPPED },
	{ "nomand", OPTION_DROPPED },
	{ "silent", OPTION_DROPPED },
	{ "loud", OPTION_DROPPED },
};

enum { KNOWN = sizeof(known) / sizeof(known[0]) };

static const struct mount_option *find(const char *name)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (strcmp(known[i].name, name) == 0)
			return &known[i];
	return NULL;
}

static int unknown(const char *name, struct problem *problem)
{
	const char *names[KNOWN + 1];
	char hint[128] = "cachefs -h tells the usage";

	if (strcmp(name, "remount") == 0)
		return problem_set(problem, "-o remount", "unmount it, and mount it again",
				   "a cachefs cannot change the options of a mount");
	for (size_t i = 0; i < KNOWN; i++)
		names[i] = known[i].name;
	names[KNOWN] = NULL;
	const char *nearest = problem_nearest(name, names);
	if (nearest)
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
	return problem_set(problem, NULL, hint, "unknown mount option \"%s\"", name);
}

/* Up to the next comma that no backslash stands before. */
static size_t option_size(const char *text)
{
	size_t size = 0;

	for (; text[size] && text[size] != ','; size++)
		if (text[size] == '\\' && text[size + 1])
			size++;
	return size;
}

bool mount_options_have(const char *options, const char *name)
{
	size_t size = strlen(name);

	for (const char *at = options; at && *at; at += option_size(at), at += *at == ',')
		if (strncmp(at, name, size) == 0 && strchr(",=", at[size]))
			return true;
	return false;
}

static int append(char **options, const char *option, size_t size, struct problem *problem)
{
	char *joined = NULL;

	if (asprintf(&joined, "%s%s%.*s", *options ? *options : "", *options ? "," : "", (int)size,
		     option) < 0)
		return problem_set(problem, NULL, NULL, "out of memory");
	free(*options);
	*options = joined;
	return 0;
}

/* "x-" is for the mount tools; "X-" too, but never written down by them. */
static bool is_for_others(const char *text)
{
	return strncmp(text, "x-", 2) == 0 || strncmp(text, "X-", 2) == 0;
}

static int add_one(char **options, const char *text, size_t size, bool sloppy,
		   struct problem *problem)
{
	char name[64];
	const char *equals = memchr(text, '=', size);
	size_t name_size = equals ? (size_t)(equals - text) : size;

	if (size == 0 || is_for_others(text))
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)name_size, text);
	const struct mount_option *option = find(name);
	if (!option)
		return sloppy ? 0 : unknown(name, problem);
	if (option->kind == OPTION_DROPPED)
		return 0;
	if (option->kind == OPTION_VALUE && (!equals || name_size + 1 == size))
		return problem_set(problem, NULL, "write NAME=VALUE",
				   "a value is missing: mount option \"%s\"", name);
	if (option->kind == OPTION_PLAIN && equals)
		return problem_set(problem, NULL, "write the name alone",
				   "this mount option takes no value: \"%s\"", name);
	return append(options, text, size, problem);
}

int mount_options_add(char **options, const char *text, bool sloppy, struct problem *problem)
{
	for (;;) {
		size_t size = option_size(text);
		int rc = add_one(options, text, size, sloppy, problem);

		if (rc < 0 || !text[size])
			return rc;
		text += size + 1;
	}
}

/* "fsname=" and the source, its commas and backslashes marked. NULL: out of memory. */
static char *fsname_option(const char *source)
{
	static const char prefix[] = "fsname=";
	char *option = malloc(sizeof(prefix) + 2 * strlen(source));

	if (!option)
		return NULL;
	char *end = stpcpy(option, prefix);
	for (; *source; source++) {
		if (*source == ',' || *source == '\\')
			*end++ = '\\';
		*end++ = *source;
	}
	*end = '\0';
	return option;
}

int mount_options_complete(char **options, const char *source, struct problem *problem)
{
	static const char permissions[] = "default_permissions";
	int rc = 0;

	if ((mount_options_have(*options, "allow_other") ||
	     mount_options_have(*options, "allow_root")) &&
	    !mount_options_have(*options, permissions))
		rc = append(options, permissions, strlen(permissions), problem);
	if (rc < 0 || mount_options_have(*options, "fsname"))
		return rc;
	char *fsname = fsname_option(source);
	rc = fsname ? append(options, fsname, strlen(fsname), problem)
		    : problem_set(problem, NULL, NULL, "out of memory");
	free(fsname);
	return rc;
}
