/*
 * The program: from the command line to a served mount, and to its end. All mistakes of the
 * arguments and of the configuration are reported before anything is started.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include "base/log.h"
#include "config/load.h"
#include "daemon/arguments.h"
#include "daemon/background.h"
#include "daemon/guardian.h"
#include "daemon/hardening.h"
#include "daemon/mount_check.h"
#include "daemon/path_check.h"
#include "daemon/server.h"

#ifndef CACHEFS_VERSION
#define CACHEFS_VERSION "0.1.0"
#endif

enum { EXIT_USAGE = 2 };

struct program {
	int argc;
	char **argv;
	struct arguments arguments;
	struct config config;
	char mountpoint[PATH_MAX];
	struct background background;
	bool ready; /* the mount answers */
};

static void print_problem(const struct problem *problem)
{
	char text[sizeof(*problem) + 8];

	fprintf(stderr, "cachefs: %s\n", problem_text(problem, text, sizeof(text)));
}

static void print_problems(const struct problems *problems)
{
	char text[sizeof(struct problem) + 8];

	for (size_t i = 0; problems_text(problems, i, text, sizeof(text)); i++)
		fprintf(stderr, "cachefs: %s\n", text);
}

/* Tells every problem on stderr itself. */
static int load_config(struct program *p)
{
	struct problems problems = { 0 };
	int rc = p->arguments.config ? config_load(p->arguments.config, &p->config, &problems)
				     : config_default(&p->config, &problems);

	print_problems(&problems);
	problems_fini(&problems);
	if (rc == 0)
		log_set_level(p->arguments.debug ? LOG_LEVEL_DEBUG
						 : (enum log_level)p->config.fs.log_level);
	return rc;
}

/* mount -N: the mount appears in another namespace, a path below /proc or the pid of somebody in
 * it. */
static int enter_namespace(const char *namespace, struct problem *problem)
{
	char path[64];

	if (!namespace)
		return 0;
	if (namespace[strspn(namespace, "0123456789")] == '\0') {
		snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", namespace);
		namespace = path;
	}
	int fd = open(namespace, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 || setns(fd, CLONE_NEWNS) < 0
			 ? problem_set(problem, namespace,
				       "name the pid of a process in it, as root",
				       "cannot enter this mount namespace: %s", strerror(errno))
			 : 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int open_log(const struct program *p, struct problem *problem)
{
	const char *path = p->config.fs.log_file;
	int rc = path ? log_open_file(path) : 0;

	return rc < 0 ? problem_set(problem, path,
				    "name another \"log_file\", or make its directory",
				    "cannot open the log: %s", strerror(-rc))
		      : 0;
}

static int go_to_background(struct program *p, struct problem *problem)
{
	int rc = background_enter(&p->background, p->mountpoint);

	if (rc == 0 && open_log(p, problem) < 0)
		return -EINVAL;
	if (rc == 0)
		rc = guardian_start(p->mountpoint, p->argc, p->argv);
	return rc < 0 ? problem_set(problem, NULL, "-f stays in the foreground",
				    "cannot go into the background: %s", strerror(-rc))
		      : 0;
}

/* ---- serving ---- */

/* In the thread that answers INIT. */
static void on_ready(void *self)
{
	struct program *p = self;

	p->ready = true;
	if (!p->arguments.foreground)
		log_set_target(LOG_TO_SYSLOG);
	if (!p->config.top.enabled)
		log_warning("%s: \"enabled\" is false: everything that is set is forgotten",
			    p->arguments.config);
	background_ready(&p->background);
}

/* Said on stderr as long as the user listens there, in the log afterwards. */
static void tell_failure(struct program *p, const struct problem *problem)
{
	char text[sizeof(*problem) + 8];

	if (p->ready)
		log_error("%s", problem_text(problem, text, sizeof(text)));
	else
		print_problem(problem);
	background_failed(&p->background, EXIT_FAILURE);
}

static int serve(struct program *p)
{
	const struct server_conf conf = {
		.config = &p->config,
		.mountpoint = p->mountpoint,
		.options = p->arguments.options,
		.debug = p->arguments.debug,
		.ready = on_ready,
		.self = p,
	};
	struct problem problem = { 0 };
	int rc = server_run(&conf, &problem);

	if (rc < 0)
		tell_failure(p, &problem);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int check_and_serve(struct program *p)
{
	struct problem problem = { 0 };

	if (load_config(p) < 0) {
		background_failed(&p->background, EXIT_FAILURE);
		return EXIT_FAILURE;
	}
	int rc = enter_namespace(p->arguments.namespace, &problem);
	hardening_give_up();
	if (rc == 0)
		rc = mount_check_point(p->arguments.mountpoint, p->arguments.fake, p->mountpoint,
				       &problem);
	if (rc == 0)
		rc = mount_check_rights(p->mountpoint, p->arguments.options, &problem);
	if (rc == 0)
		rc = path_check(&p->config, p->mountpoint, &problem);
	if (rc == 0 && p->arguments.verbose)
		printf("cachefs: %s on %s\n",
		       p->arguments.config ? p->arguments.config : "the built-in configuration",
		       p->mountpoint);
	if (rc == 0 && p->arguments.fake)
		return EXIT_SUCCESS;
	if (rc == 0 && !p->arguments.foreground)
		rc = go_to_background(p, &problem);
	else if (rc == 0)
		rc = open_log(p, &problem);
	if (rc < 0) {
		print_problem(&problem);
		background_failed(&p->background, EXIT_FAILURE);
		return EXIT_FAILURE;
	}
	return serve(p);
}

/* ---- what mounts nothing ---- */

static int print_config(const struct config *config)
{
	cJSON *json = config_to_json(config);
	char *text = json ? cJSON_Print(json) : NULL;

	if (text)
		puts(text);
	else
		fputs("cachefs: out of memory\n", stderr);
	free(text);
	cJSON_Delete(json);
	return text ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int do_task(struct program *p)
{
	int status = EXIT_SUCCESS;

	switch (p->arguments.task) {
	case TASK_MOUNT:
		return check_and_serve(p);
	case TASK_CHECK_CONFIG:
		status = load_config(p) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
		break;
	case TASK_PRINT_CONFIG:
		status = load_config(p) < 0 ? EXIT_FAILURE : print_config(&p->config);
		break;
	case TASK_EXAMPLE_CONFIG:
		fputs(config_example, stdout);
		break;
	case TASK_PRINT_OPTIONS:
		config_print_reference(stdout);
		break;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "cachefs: cannot write to the output: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	return status;
}

int main(int argc, char **argv)
{
	static struct program p = { .background = BACKGROUND_NONE };
	struct problem problem = { 0 };
	int status = EXIT_SUCCESS;

	hardening_begin();
	p.argc = argc;
	p.argv = argv;
	if (arguments_parse(argc, argv, &p.arguments, &problem) < 0) {
		print_problem(&problem);
		status = EXIT_USAGE;
	} else if (p.arguments.help) {
		fputs(arguments_usage, stdout);
	} else if (p.arguments.version) {
		printf("cachefs %s (libfuse %s)\n", CACHEFS_VERSION, fuse_pkgversion());
	} else {
		status = do_task(&p);
	}
	config_fini(&p.config);
	arguments_fini(&p.arguments);
	return status;
}
