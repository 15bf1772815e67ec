/* The command line and the -o options that a mount knows: see arguments.h. */
#include "arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_FOR_HELP "cachefs -h tells the usage"

const char arguments_usage[] =
	"Usage: cachefs [OPTIONS] [CONFIG] MOUNTPOINT\n"
	"       cachefs --check-config | --print-config [CONFIG]\n"
	"       cachefs --example-config | --print-options\n"
	"\n"
	"Mounts a cache as a directory: the path of a file is a key, its content the value.\n"
	"CONFIG is a JSON file that names the layers; without it there are 256 MiB of memory\n"
	"over a database of 10 GiB in ~/.cache/cachefs.\n"
	"\n"
	"  -f, --foreground   stay in the foreground, log to stderr\n"
	"  -d, --debug        log every request; implies -f\n"
	"  -o OPT[,OPT...]    mount options: allow_other, allow_root, default_permissions, ro,\n"
	"                     fsname=NAME, auto_unmount, noexec, nosuid, nodev, noatime, ...\n"
	"  --check-config     tell every problem of the configuration, mount nothing; the status\n"
	"                     is 0 if there is none\n"
	"  --print-config     print the configuration with every default filled in, secrets "
	"masked\n"
	"  --example-config   print a configuration to start from; JSON has no comments, so what "
	"the\n"
	"                     options mean is in\n"
	"  --print-options    the reference of all options: defaults, values, meaning (Markdown)\n"
	"  -h, --help         show this\n"
	"  -V, --version      show the version\n"
	"\n"
	"Unmount with: fusermount3 -u MOUNTPOINT\n";

/* A mount option. Those for the mount tools (fstab) are accepted and go no further. */
struct mount_option {
	const char *name;
	enum { OPTION_PLAIN, OPTION_VALUE, OPTION_DROPPED } kind;
};

static const struct mount_option mount_options[] = {
	{ "allow_other", OPTION_PLAIN },  { "allow_root", OPTION_PLAIN },
	{ "auto_unmount", OPTION_PLAIN }, { "default_permissions", OPTION_PLAIN },
	{ "fsname", OPTION_VALUE },       { "context", OPTION_VALUE },
	{ "ro", OPTION_PLAIN },           { "rw", OPTION_PLAIN },
	{ "suid", OPTION_PLAIN },         { "nosuid", OPTION_PLAIN },
	{ "dev", OPTION_PLAIN },          { "nodev", OPTION_PLAIN },
	{ "exec", OPTION_PLAIN },         { "noexec", OPTION_PLAIN },
	{ "atime", OPTION_PLAIN },        { "noatime", OPTION_PLAIN },
	{ "sync", OPTION_PLAIN },         { "async", OPTION_PLAIN },
	{ "dirsync", OPTION_PLAIN },      { "defaults", OPTION_DROPPED },
	{ "relatime", OPTION_DROPPED },   { "_netdev", OPTION_DROPPED },
	{ "nofail", OPTION_DROPPED },     { "auto", OPTION_DROPPED },
	{ "noauto", OPTION_DROPPED },     { "user", OPTION_DROPPED },
};

enum { MOUNT_OPTIONS = sizeof(mount_options) / sizeof(mount_options[0]) };

static int wrong_usage(struct problem *problem, const char *message, const char *word)
{
	return problem_set(problem, NULL, ASK_FOR_HELP, "%s%s%s%s", message, word ? " \"" : "",
			   word ? word : "", word ? "\"" : "");
}

static int unknown_option(const char *name, struct problem *problem)
{
	const char *names[MOUNT_OPTIONS + 1];
	char hint[128] = ASK_FOR_HELP;

	for (size_t i = 0; i < MOUNT_OPTIONS; i++)
		names[i] = mount_options[i].name;
	names[MOUNT_OPTIONS] = NULL;
	const char *nearest = problem_nearest(name, names);
	if (nearest)
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
	return problem_set(problem, NULL, hint, "unknown mount option \"%s\"", name);
}

static const struct mount_option *option_find(const char *name)
{
	for (size_t i = 0; i < MOUNT_OPTIONS; i++)
		if (strcmp(mount_options[i].name, name) == 0)
			return &mount_options[i];
	return NULL;
}

/* Whether the joined options have this plain one. */
static bool options_have(const char *options, const char *name)
{
	size_t size = strlen(name);

	for (const char *at = options; at && *at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, size) == 0 && (at[size] == ',' || !at[size]))
			return true;
	}
	return false;
}

static int options_append(char **options, const char *option, size_t size, struct problem *problem)
{
	char *joined = NULL;

	if (asprintf(&joined, "%s%s%.*s", *options ? *options : "", *options ? "," : "", (int)size,
		     option) < 0)
		return problem_set(problem, NULL, NULL, "out of memory");
	free(*options);
	*options = joined;
	return 0;
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

/* One option of -o: checked, and kept for fuse. */
static int take_mount_option(struct arguments *arguments, const char *text, size_t size,
			     struct problem *problem)
{
	char name[64];
	const char *equals = memchr(text, '=', size);
	size_t name_size = equals ? (size_t)(equals - text) : size;

	if (size == 0 || strncmp(text, "x-", 2) == 0)
		return 0; /* "x-" is for the mount tools */
	snprintf(name, sizeof(name), "%.*s", (int)name_size, text);
	const struct mount_option *option = option_find(name);
	if (!option)
		return unknown_option(name, problem);
	if (option->kind == OPTION_DROPPED)
		return 0;
	if (option->kind == OPTION_VALUE && (!equals || name_size + 1 == size))
		return wrong_usage(problem, "a value is missing: mount option", name);
	if (option->kind == OPTION_PLAIN && equals)
		return wrong_usage(problem, "this mount option takes no value:", name);
	return options_append(&arguments->options, text, size, problem);
}

static int take_mount_options(struct arguments *arguments, const char *text,
			      struct problem *problem)
{
	for (;;) {
		size_t size = option_size(text);
		int rc = take_mount_option(arguments, text, size, problem);

		if (rc < 0 || !text[size])
			return rc;
		text += size + 1;
	}
}

/* The switches that mount nothing. */
static const struct option task_switches[] = {
	{ "check-config", no_argument, NULL, TASK_CHECK_CONFIG },
	{ "print-config", no_argument, NULL, TASK_PRINT_CONFIG },
	{ "example-config", no_argument, NULL, TASK_EXAMPLE_CONFIG },
	{ "print-options", no_argument, NULL, TASK_PRINT_OPTIONS },
};

static const char *task_name(enum task task)
{
	return task_switches[task - TASK_CHECK_CONFIG].name;
}

static int take_task(struct arguments *arguments, enum task task, struct problem *problem)
{
	if (arguments->task != TASK_MOUNT && arguments->task != task)
		return problem_set(problem, NULL, "run cachefs once for each",
				   "--%s and --%s do not go together", task_name(arguments->task),
				   task_name(task));
	arguments->task = task;
	return 0;
}

/* The words of a task that mounts nothing. */
static int take_task_words(struct arguments *arguments, char **words, struct problem *problem)
{
	bool with_config = arguments->task <= TASK_PRINT_CONFIG;
	const char *name = task_name(arguments->task);
	const char *extra = !words[0] ? NULL : with_config ? words[1] : words[0];

	if (extra)
		return problem_set(problem, NULL, "it mounts nothing, so leave the mount point out",
				   "one word too many for --%s: \"%.200s\"", name, extra);
	if (arguments->foreground || arguments->options)
		return problem_set(problem, NULL, "leave -f, -d and -o out", "--%s mounts nothing",
				   name);
	arguments->config = words[0];
	return 0;
}

/* The words that are no options. */
static int take_words(struct arguments *arguments, char **words, struct problem *problem)
{
	if (arguments->task != TASK_MOUNT)
		return take_task_words(arguments, words, problem);
	if (!words[0])
		return wrong_usage(problem, "no mount point is given", NULL);
	if (words[1] && words[2])
		return wrong_usage(problem, "one word too many:", words[2]);
	arguments->config = words[1] ? words[0] : NULL;
	arguments->mountpoint = words[1] ? words[1] : words[0];
	if (!arguments->mountpoint[0])
		return wrong_usage(problem, "the mount point is an empty word", NULL);
	return 0;
}

/* Others may come in as soon as the permissions are checked, so the kernel must check them. */
static int add_default_permissions(struct arguments *arguments, struct problem *problem)
{
	static const char option[] = "default_permissions";
	bool wanted = options_have(arguments->options, "allow_other") ||
		      options_have(arguments->options, "allow_root");

	if (!wanted || options_have(arguments->options, option))
		return 0;
	return options_append(&arguments->options, option, strlen(option), problem);
}

static int unknown_switch(char **argv, int letter, struct problem *problem)
{
	char text[64];

	if (letter && !strncmp(argv[optind - 1], "--", 2))
		letter = 0; /* a long one that takes no value */
	if (letter)
		snprintf(text, sizeof(text), "-%c", letter);
	else
		snprintf(text, sizeof(text), "%s", argv[optind - 1]);
	return wrong_usage(problem, "unknown option", text);
}

int arguments_parse(int argc, char **argv, struct arguments *arguments, struct problem *problem)
{
	const struct option names[] = {
		{ "foreground", no_argument, NULL, 'f' },
		{ "debug", no_argument, NULL, 'd' },
		{ "options", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		task_switches[0],
		task_switches[1],
		task_switches[2],
		task_switches[3],
		{ NULL, 0, NULL, 0 },
	};
	int letter, rc = 0;

	memset(arguments, 0, sizeof(*arguments));
	optind = 0; /* anew, for tests that parse more than once */
	opterr = 0;
	while (rc == 0 && (letter = getopt_long(argc, argv, ":fdo:hV", names, NULL)) != -1) {
		if (letter == 'f')
			arguments->foreground = true;
		else if (letter == 'd')
			arguments->foreground = arguments->debug = true;
		else if (letter == 'o')
			rc = take_mount_options(arguments, optarg, problem);
		else if (letter == 'h')
			arguments->help = true;
		else if (letter == 'V')
			arguments->version = true;
		else if (letter >= TASK_CHECK_CONFIG && letter <= TASK_PRINT_OPTIONS)
			rc = take_task(arguments, (enum task)letter, problem);
		else if (letter == ':')
			rc = wrong_usage(problem, "a word is missing after", argv[optind - 1]);
		else
			rc = unknown_switch(argv, optopt, problem);
	}
	if (rc < 0 || arguments->help || arguments->version)
		return rc;
	rc = take_words(arguments, argv + optind, problem);
	return rc < 0 ? rc : add_default_permissions(arguments, problem);
}

void arguments_fini(struct arguments *arguments)
{
	free(arguments->options);
	arguments->options = NULL;
}
