/*
 * member: a member of the sets that the Redis layer keeps beside the values, with any metadata, and
 * a sum that fits. Written to stdout.
 *
 *   member KEY [NAME=NUMBER...]     NAME: size ino version checksum hits created mode uid gid
 *                                         mtime mtime_ns ctime ctime_ns known
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis/member.h"

static bool known = true;

static bool take(struct meta *m, const char *name, uint64_t number)
{
	struct {
		const char *name;
		void *at;
		bool is_64;
	} fields[] = {
		{ "size", &m->size, true },          { "ino", &m->ino, true },
		{ "version", &m->version, true },    { "checksum", &m->checksum, true },
		{ "hits", &m->hits, true },          { "created", &m->created_ms, true },
		{ "mtime", &m->mtime.tv_sec, true }, { "mtime_ns", &m->mtime.tv_nsec, true },
		{ "ctime", &m->ctime.tv_sec, true }, { "ctime_ns", &m->ctime.tv_nsec, true },
		{ "mode", &m->mode, false },         { "uid", &m->uid, false },
		{ "gid", &m->gid, false },
	};
	uint32_t half = (uint32_t)number;

	if (strcmp(name, "known") == 0) {
		known = number != 0;
		return true;
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(name, fields[i].name) != 0)
			continue;
		memcpy(fields[i].at, fields[i].is_64 ? (void *)&number : (void *)&half,
		       fields[i].is_64 ? 8 : 4);
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct meta meta = { .version = 1 };
	const struct end_record no_ends = { 0 };
	struct redis_member member;

	for (int i = 2; i < argc; i++) {
		char *number = strchr(argv[i], '=');
		if (!number)
			return 2;
		*number = '\0';
		if (!take(&meta, argv[i], strtoull(number + 1, NULL, 0)))
			return 2;
	}
	if (argc < 2 || redis_member_pack(key_of(argv[1]), &meta, &no_ends, known, &member) < 0)
		return 2;
	fwrite(member.bytes, 1, member.size, stdout);
	free(member.bytes);
	return 0;
}
