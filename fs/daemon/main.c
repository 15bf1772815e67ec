/*
 * The program: from the command line to a served mount and back. All that can be wrong with the
 * arguments and the configuration is said before anything is started.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/arguments.h"
#include "daemon/background.h"
#include "config/load.h"
#include "daemon/fs.h"
#include "daemon/guardian.h"
#include "daemon/hardening.h"
#include "requests/loop.h"
#include "requests/ops.h"
#include "daemon/mount.h"
#include "daemon/mount_check.h"
#include "requests/request_timeout.h"
#include "daemon/signals.h"

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
	struct fs *fs;
	struct mount *mount;
	struct notifier *notifier;
	struct loop *loop;
	struct signal_thread *signals;
	bool ready;
};

/* A signal handler has no argument: the one global. Set while the loop can be stopped. */
static struct loop *volatile loop_to_stop;

static void on_stop_signal(int number)
{
	(void)number;
	if (loop_to_stop)
		loop_stop(loop_to_stop);
}

static void stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
}

/* Threads made while they are blocked never get them; a signal meanwhile waits. */
static void signals_block(int how)
{
	sigset_t set;

	stop_signals(&set);
	if (how == SIG_BLOCK) { /* these two for good: daemon/signals.h */
		sigaddset(&set, SIGUSR1);
		sigaddset(&set, SIGHUP);
	}
	pthread_sigmask(how, &set, NULL);
}

static void signals_install(void)
{
	struct sigaction action = { .sa_handler = on_stop_signal };

	stop_signals(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a write beyond `ulimit -f` fails with EFBIG instead */
}

static void print_problem(const struct problem *problem)
{
	char text[sizeof(*problem) + 8];

	fprintf(stderr, "cachefs: %s\n", problem_text(problem, text, sizeof(text)));
}

/* ---- what can be checked before anything is started ---- */

/* Whether the nearest existing directory on the way to path is dir or lies below it. */
static bool lies_below(const char *path, const char *dir)
{
	char part[PATH_MAX], real[PATH_MAX];
	size_t size = strlen(dir);

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return false;
	while (!realpath(part, real)) {
		char *slash = strrchr(part, '/');

		if (!slash || slash == part)
			return strcmp(dir, "/") == 0;
		*slash = '\0';
	}
	return strncmp(real, dir, size) == 0 &&
	       (dir[1] == '\0' || real[size] == '/' || !real[size]);
}

/* A layer that stores below the mount point would wait for itself. */
static int check_layer_paths(const struct program *p, struct problem *problem)
{
	for (size_t i = 0; i < p->config.cache.layer_count; i++) {
		const struct layer_spec *layer = &p->config.cache.layers[i];

		for (const struct option_spec *spec = layer->backend->options; spec->name; spec++) {
			if (spec->type != OPT_PATH)
				continue;
			const char *path = *(char *const *)((const char *)layer->conf +
							    spec->offset);
			if (path && lies_below(path, p->mountpoint))
				return problem_set(
					problem, path, "move one of them",
					"the %s of layer \"%s\" lies below the mount point",
					spec->name, layer->name);
		}
	}
	return 0;
}

/* Nor may the state and the log. */
static int check_own_paths(const struct program *p, struct problem *problem)
{
	if (lies_below(p->config.fs.state_dir, p->mountpoint))
		return problem_set(problem, p->config.fs.state_dir,
				   "name another directory in \"cachefs\"",
				   "the state_dir lies below the mount point");
	if (p->config.fs.log_file && lies_below(p->config.fs.log_file, p->mountpoint))
		return problem_set(problem, p->config.fs.log_file,
				   "name another file in \"cachefs\"",
				   "the log_file lies below the mount point");
	return 0;
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

/* ---- serving ---- */

/* Many entries are read at once, and large ones are files. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("cannot raise the limit of open files: %s", strerror(errno));
}

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

/* A request that waits longer would end the mount. */
static int keep_to_request_timeout(struct program *p)
{
	struct request_timeout timeout = request_timeout_read();
	int64_t limit_ms = request_timeout_answer_ms(&timeout);

	if (timeout.asked_s == 0)
		return 0;
	log_info("the kernel ends a mount whose requests wait (fs.fuse.default_request_timeout = "
		 "%u, "
		 "fs.fuse.max_request_timeout = %u): asking for %u s, answering within %lld ms",
		 timeout.default_s, timeout.max_s, timeout.asked_s, (long long)limit_ms);
	fs_answer_within(p->fs, limit_ms);
	return loop_answer_within(p->loop, limit_ms);
}

static int start(struct program *p, struct problem *problem)
{
	int rc = fs_new(&p->config, &time_system, &p->fs, problem);

	if (rc < 0)
		return problem_set(problem, NULL, NULL, "cannot open the cache: %s", strerror(-rc));
	fs_on_ready(p->fs, on_ready, p);
	rc = mount_open(p->mountpoint, p->arguments.options, p->arguments.debug, &fs_ops, p->fs,
			&p->mount, problem);
	if (rc < 0)
		return rc;
	p->notifier = notifier_new(mount_session(p->mount), &time_system);
	p->signals = signal_thread_new(p->fs);
	p->loop = loop_new(mount_session(p->mount), (unsigned)p->config.fs.threads_max,
			   &time_system);
	if (!p->notifier || !p->loop || !p->signals || keep_to_request_timeout(p) < 0)
		return problem_set(problem, p->mountpoint, NULL,
				   "cannot start the mount: out of memory");
	fs_attach(p->fs, p->mount, p->notifier, loop_counts(p->loop));
	return 0;
}

static int run(struct program *p, struct problem *problem)
{
	const struct loop_hooks hooks = { fs_tick, fs_ending, fs_wake, p->fs };

	loop_to_stop = p->loop;
	signals_install();
	signals_block(SIG_UNBLOCK);
	int rc = loop_run(p->loop, p->config.fs.drain_timeout_ms, &hooks);
	signals_block(SIG_BLOCK);
	loop_to_stop = NULL;
	/* What a kernel may say (6.18 does) when the last process lets go of a mount that was
	 * unmounted lazily, while a request is being read: an end like any other. */
	if (rc == -ECONNABORTED && !mount_is_in_place(p->mount))
		rc = 0;
	if (rc < 0)
		return problem_set(problem, p->mountpoint, NULL, "the mount has failed: %s",
				   strerror(-rc));
	if (!p->ready)
		return problem_set(problem, p->mountpoint, NULL,
				   "the mount ended before it was ready");
	return 0;
}

/*
 * The layers may report what they evict until they are closed, so the notifier outlives them; the
 * session outlives everybody who writes to it.
 */
static void stop(struct program *p)
{
	if (p->mount)
		mount_unmount(p->mount);
	signal_thread_free(p->signals);
	if (p->fs)
		fs_free(p->fs);
	notifier_free(p->notifier);
	if (p->loop)
		loop_free(p->loop);
	if (p->mount)
		mount_free(p->mount);
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
	struct problem problem = { 0 };

	raise_file_limit();
	signals_block(SIG_BLOCK);
	int rc = start(p, &problem);
	if (rc == 0)
		rc = run(p, &problem);
	stop(p);
	if (rc < 0)
		tell_failure(p, &problem);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
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
		rc = check_layer_paths(p, &problem);
	if (rc == 0)
		rc = check_own_paths(p, &problem);
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
