/* The command line, and the -o options that a mount knows: see arguments.h. */
#include "daemon/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/mount_options.h"

#define ASK_FOR_HELP "cachefs -h tells the usage"

const char arguments_usage[] =
	"Usage: cachefs [OPTIONS] [CONFIG] MOUNTPOINT\n"
	"       cachefs --check-config | --print-config [CONFIG]\n"
	"       cachefs --example-config | --print-options\n"
	"\n"
	"Mounts a cache as a directory: the path of a file is a key, its content the value.\n"
	"CONFIG is a JSON file that names the layers; without it (or with \"none\") there are\n"
	"256 MiB of memory over a database of 10 GiB in ~/.cache/cachefs.\n"
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
	"In /etc/fstab: /etc/cachefs/x.json /mnt/x cachefs noauto,user 0 0\n"
	"Unmount with: fusermount3 -u MOUNTPOINT\n";

/* What stands for the configuration file when there is none. A file of that name: ./none */
#define BUILT_IN "cachefs"

static bool source_is_built_in(const char *source)
{
	return strcmp(source, BUILT_IN) == 0 || strcmp(source, "none") == 0;
}

static int wrong_usage(struct problem *problem, const char *message, const char *word)
{
	return problem_set(problem, NULL, ASK_FOR_HELP, "%s%s%s%s", message, word ? " \"" : "",
			   word ? word : "", word ? "\"" : "");
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

/*
 * The source that mount tools show and compare with fstab: the configuration file as given, or
 * from the root if it was given from here.
 */
static int take_source(struct arguments *arguments, struct problem *problem)
{
	const char *source = arguments->config ? arguments->config : BUILT_IN;
	char *absolute = NULL;

	if (source_is_built_in(source))
		arguments->config = NULL;
	else if (source[0] != '/' && arguments->task == TASK_MOUNT)
		absolute = realpath(source, NULL); /* if it fails, so does reading it */
	if (arguments->task != TASK_MOUNT)
		return 0;
	int rc = mount_options_complete(&arguments->options, absolute ? absolute : source, problem);
	free(absolute);
	return rc;
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

/* One switch of the program's own command line. */
static int take_switch(struct arguments *arguments, int letter, char **argv,
		       struct problem *problem)
{
	if (letter >= TASK_CHECK_CONFIG && letter <= TASK_PRINT_OPTIONS)
		return take_task(arguments, (enum task)letter, problem);
	switch (letter) {
	case 'd':
		arguments->debug = true;
		__attribute__((fallthrough));
	case 'f':
		arguments->foreground = true;
		return 0;
	case 'o':
		return mount_options_add(&arguments->options, optarg, false, problem);
	case 'h':
		arguments->help = true;
		return 0;
	case 'V':
		arguments->version = true;
		return 0;
	case ':':
		return wrong_usage(problem, "a word is missing after", argv[optind - 1]);
	default:
		return unknown_switch(argv, optopt, problem);
	}
}

static int parse_own(int argc, char **argv, struct arguments *arguments, struct problem *problem)
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

	while (rc == 0 && (letter = getopt_long(argc, argv, ":fdo:hV", names, NULL)) != -1)
		rc = take_switch(arguments, letter, argv, problem);
	return rc;
}

/* -n and -t concern mount(8) alone. */
static int parse_helper(int argc, char **argv, struct arguments *arguments, struct problem *problem)
{
	const char *options[64];
	size_t count = 0;
	bool sloppy = false;
	int letter, rc = 0;

	while (rc == 0 && (letter = getopt(argc, argv, ":sfnvN:t:o:hV")) != -1) {
		if (letter == 's')
			sloppy = true;
		else if (letter == 'f')
			arguments->fake = true;
		else if (letter == 'v')
			arguments->verbose = true;
		else if (letter == 'N')
			arguments->namespace = optarg;
		else if (letter == 'o' && count < sizeof(options) / sizeof(options[0]))
			options[count++] = optarg; /* -s may come later */
		else if (letter != 'n' && letter != 't')
			rc = take_switch(arguments, letter, argv, problem);
	}
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = mount_options_add(&arguments->options, options[i], sloppy, problem);
	return rc;
}

static bool is_helper(const char *program)
{
	const char *slash = strrchr(program, '/');

	return strncmp(slash ? slash + 1 : program, "mount.", strlen("mount.")) == 0;
}

int arguments_parse(int argc, char **argv, struct arguments *arguments, struct problem *problem)
{
	bool helper = argc > 0 && is_helper(argv[0]);

	memset(arguments, 0, sizeof(*arguments));
	optind = 0; /* anew, for tests that parse more than once */
	opterr = 0;
	int rc = helper ? parse_helper(argc, argv, arguments, problem)
			: parse_own(argc, argv, arguments, problem);
	if (rc < 0 || arguments->help || arguments->version)
		return rc;
	rc = take_words(arguments, argv + optind, problem);
	if (rc == 0 && helper && argc - optind < 2)
		rc = wrong_usage(problem, "a mount helper is called with SOURCE and MOUNTPOINT",
				 NULL);
	return rc < 0 ? rc : take_source(arguments, problem);
}

void arguments_fini(struct arguments *arguments)
{
	free(arguments->options);
	arguments->options = NULL;
}
