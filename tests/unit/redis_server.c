/* A redis-server of one test. See redis_server.h. */
#include "redis_server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_server(const char *dir, const char *socket_path)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 0);
	dup2(null, 1);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket_path, "--dir",
	       dir, "--save", "", "--appendonly", "no", "--daemonize", "no",
	       "--enable-debug-command", "yes", (char *)NULL);
	perror("redis-server");
	_exit(127);
}

static int answers(const char *socket_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char reply[8] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
	int ok = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		 write(fd, "PING\r\n", 6) == 6 && read(fd, reply, 7) == 7;
	close(fd);
	return ok;
}

pid_t redis_server_start(const char *dir)
{
	char socket_path[108];

	snprintf(socket_path, sizeof(socket_path), "%s/redis.sock", dir);
	pid_t pid = fork();
	if (pid == 0)
		run_server(dir, socket_path);
	for (int i = 0; i < 2000 && waitpid(pid, NULL, WNOHANG) == 0; i++) {
		if (answers(socket_path))
			return pid;
		usleep(10000);
	}
	return -1;
}

void redis_server_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
