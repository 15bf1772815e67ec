/* The options of the type "redis". See redis/conf.h. */
#include "redis/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

const struct option_spec redis_options[] = {
	{ .name = "host",
	  .type = OPT_STRING,
	  .offset = offsetof(struct redis_conf, host),
	  .def = "\"localhost\"",
	  .doc = "name or address of the server" },
	{ .name = "port",
	  .type = OPT_COUNT,
	  .offset = offsetof(struct redis_conf, port),
	  .def = "6379",
	  .min = 1,
	  .max = 65535,
	  .doc = "its TCP port" },
	{ .name = "db",
	  .type = OPT_COUNT,
	  .offset = offsetof(struct redis_conf, db),
	  .def = "0",
	  .max = 1000000,
	  .doc = "number of the database in it" },
	{ .name = "unix_socket_path",
	  .type = OPT_PATH,
	  .offset = offsetof(struct redis_conf, unix_socket_path),
	  .def = "null",
	  .nullable = true,
	  .doc = "the server's UNIX socket; then host and port are not used" },
	{ .name = "username",
	  .type = OPT_STRING,
	  .offset = offsetof(struct redis_conf, username),
	  .def = "null",
	  .nullable = true,
	  .doc = "user to log in as; the server's default user without it" },
	{ .name = "password",
	  .type = OPT_SECRET,
	  .offset = offsetof(struct redis_conf, password),
	  .def = "null",
	  .nullable = true,
	  .doc = "password; never shown" },
	{ .name = "password_file",
	  .type = OPT_PATH,
	  .offset = offsetof(struct redis_conf, password_file),
	  .def = "null",
	  .nullable = true,
	  .doc = "file whose first line is the password; read again whenever the server was away" },
	{ .name = "password_env",
	  .type = OPT_STRING,
	  .offset = offsetof(struct redis_conf, password_env),
	  .def = "null",
	  .nullable = true,
	  .doc = "environment variable that holds the password" },
	{ .name = "socket_timeout",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct redis_conf, socket_timeout_ms),
	  .def = "5",
	  .min = 0.001,
	  .max = 3600,
	  .zero_is_default = true,
	  .doc = "how long a call may take, in seconds; then the layer is down" },
	{ .name = "socket_connect_timeout",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct redis_conf, connect_timeout_ms),
	  .def = "5",
	  .min = 0.001,
	  .max = 3600,
	  .zero_is_default = true,
	  .doc = "how long connecting may take, in seconds" },
	{ .name = "max_connections",
	  .type = OPT_COUNT,
	  .offset = offsetof(struct redis_conf, max_connections),
	  .def = "50",
	  .min = 1,
	  .max = 10000,
	  .doc = "the most connections at once" },
	{ .name = "key_prefix",
	  .type = OPT_STRING,
	  .offset = offsetof(struct redis_conf, key_prefix),
	  .def = "\"accuralai:cache:\"",
	  .doc = "what the names of all values begin with" },
	{ .name = "decode_responses",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct redis_conf, decode_responses),
	  .def = "false",
	  .doc = "accepted, without effect: values are bytes" },
	{ .name = "foreign_writers",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct redis_conf, foreign_writers),
	  .def = "true",
	  .doc = "serve what other programs wrote; false: that is a miss" },
	{ 0 },
};

/* Of what people write there, what is neither a name nor an address. A URL may hold a password, so
 * nothing of it is shown. */
static int check_host(const char *host, struct problem *problem)
{
	const char *colon = strchr(host, ':');

	if (strstr(host, "://"))
		return problem_set(problem, "host",
				   "write the parts of redis://USERNAME:PASSWORD@HOST:PORT/DB as "
				   "\"username\", \"password\", \"host\", \"port\" and \"db\"",
				   "a URL, not the name of a host");
	if (host[0] == '/')
		return problem_set(problem, "host", "write it as \"unix_socket_path\"",
				   "a path, not the name of a host");
	if (colon && colon[1 + strspn(colon + 1, "0123456789")] == '\0')
		return problem_set(problem, "host", "write \"port\" beside it",
				   "a host with a port");
	return host[0] ? 0 : problem_set(problem, "host", NULL, "no host");
}

int redis_check(const void *conf, struct problem *problem)
{
	const struct redis_conf *c = conf;
	struct stat st;

	if (!c->unix_socket_path && check_host(c->host, problem) < 0)
		return -EINVAL;
	if ((c->password != NULL) + (c->password_file != NULL) + (c->password_env != NULL) > 1)
		return problem_set(problem, "password", "keep one of them",
				   "more than one of password, password_file and password_env");
	if (c->password_file && access(c->password_file, R_OK) < 0)
		return problem_set(problem, "password_file", NULL, "cannot read %s: %s",
				   c->password_file, strerror(errno));
	if (c->password_file && stat(c->password_file, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_mode & 0044u))
		log_warning("%s: other users can read the password in it: chmod 600 it",
			    c->password_file);
	if (c->password_env && !getenv(c->password_env))
		return problem_set(problem, "password_env", "set it where cachefs is started",
				   "the environment has no %s", c->password_env);
	if (c->username && !c->password && !c->password_file && !c->password_env)
		return problem_set(problem, "username", "add password_file or password_env",
				   "a username without a password");
	if (c->unix_socket_path &&
	    strlen(c->unix_socket_path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return problem_set(problem, "unix_socket_path", NULL,
				   "longer than the 107 bytes of a socket's path");
	return 0;
}

/* One server under several names is not seen for one, but for the usual names of this host. */
size_t redis_places(const void *conf, struct store_place places[STORE_PLACES_MAX])
{
	const struct redis_conf *c = conf;
	const char *host = c->host;

	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0)
		host = "127.0.0.1";
	places[0] = (struct store_place){ .option = "key_prefix", .prefix = c->key_prefix };
	if (c->unix_socket_path) {
		snprintf(places[0].path, sizeof(places[0].path), "%s", c->unix_socket_path);
		host = "";
	}
	int size = snprintf(places[0].server, sizeof(places[0].server), "%.250s:%llu/%llu", host,
			    *host ? (unsigned long long)c->port : 0, (unsigned long long)c->db);
	for (int i = 0; i < size && i < (int)sizeof(places[0].server); i++)
		places[0].server[i] = (char)tolower((unsigned char)places[0].server[i]);
	return 1;
}
