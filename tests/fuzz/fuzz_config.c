/*
 * Configurations: whatever the text, there is a configuration or at least one problem, each of them
 * a line that can be printed; and a configuration that is printed is the same when it is read
 * again.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/config.h"
#include "fuzz.h"

static const struct fuzz_seed seeds[] = {
	FUZZ_TEXT("{}"),
	FUZZ_TEXT("{\"type\": \"memory\", \"options\": {\"max_entries\": 512, \"max_bytes\": 4096,"
		  " \"eager_expiry\": false, \"default_ttl_s\": 1.5}}"),
	FUZZ_TEXT(
		"{\"memory\": {\"max_entries\": 10}, \"disk\": {\"path\": \"/nowhere/db.sqlite\","
		" \"size_limit_mb\": 0.5e3, \"vacuum_on_start\": true}, \"promote_on_hit\": true}"),
	FUZZ_TEXT("{\n \"layers\": [\n  {\"type\": \"memory\", \"name\": \"l1\", \"priority\": 0,\n"
		  "   \"options\": {\"max_bytes\": 100000000}},\n"
		  "  {\"type\": \"disk\", \"default_ttl_s\": 60, \"options\": {\"path\": \"~/x\","
		  " \"ensure_directory\": true, \"inline_limit_kb\": 64}}\n ],\n"
		  " \"promotion_strategy\": \"never\", \"write_strategy\": \"write_through\",\n"
		  " \"promotion_threshold\": 2, \"stats_enabled\": false\n}\n"),
	FUZZ_TEXT("{\"type\": \"flexible_layered\", \"options\": {\"layers\": [{}, {}, {\"name\":"
		  " \"\\u00e4\\n\"}], \"copy_on_get\": false}}"),
	FUZZ_TEXT("{\"plugin\": \"flexible-layered\", \"enabled\": \"yes\", \"ttl_s\": \"300\","
		  " \"options\": {\"layers\": [{\"name\": \"a/b\", \"priority\": \"0.5\"}]}}"),
	FUZZ_TEXT("{\"max_entries\": \"512\", \"default_ttl_s\": 1}"),
	FUZZ_TEXT("{\"type\": \"redis\", \"options\": {\"host\": \"localhost\", \"port\": 6379,"
		  " \"password\": \"secret\", \"socket_timeout\": 0.5}}"),
	FUZZ_TEXT(
		"{\"cachefs\": {\"rmdir\": \"empty_only\", \"attr_timeout\": 0.5, \"xattr\": false,"
		" \"max_threads\": 4, \"working_copy_heap_kb\": 1, \"log_level\": \"debug\"}}"),
	{ NULL, 0 },
};

static const char *const words[] = {
	"{",
	"}",
	"[",
	"]",
	":",
	",",
	"\"",
	"\\",
	"\\u0000",
	"\\ud800",
	"\n",
	"\xEF\xBB\xBF",
	"null",
	"true",
	"false",
	"{}",
	"[]",
	"\"\"",
	"//",
	"'",
	"\"type\":",
	"\"options\":{",
	"\"layers\":[{",
	"\"name\":\"a/b\",",
	"\"priority\":-1,",
	"\"cachefs\":{",
	"\"memory\":{},",
	"\"max_entries\":1,",
	"\"max_entries\":null,",
	"\"default_ttl_s\":0,",
	"\"layered\"",
	"\"flexible_layered\"",
	"\"disk\"",
	"\"lfu\"",
	"\"ttl\"",
	"\"file\"",
	"\"noop\"",
	"\"********\"",
	"\"path\":\"../x\",",
	"\"promote_on_hit\":false,",
	"\"frequency_based\"",
	NULL,
};

static char *printed(const struct config *config)
{
	cJSON *json = config_to_json(config);
	char *text = json ? cJSON_PrintUnformatted(json) : NULL;

	assert(text);
	cJSON_Delete(json);
	return text;
}

static void expect_comes_back(const struct config *config)
{
	char *first = printed(config);
	struct problems problems = { 0 };
	struct config again;

	if (!strstr(first, "********")) { /* a mask is refused */
		int rc = config_parse(first, strlen(first), "printed", "/elsewhere", &again,
				      &problems);
		assert(rc == 0 && problems.count == 0);
		char *second = printed(&again);
		assert(strcmp(first, second) == 0);
		free(second);
		config_fini(&again);
	}
	free(first);
}

static void expect_lines(const struct problems *problems)
{
	char text[sizeof(struct problem) + 8];

	assert(problems->count > 0);
	for (size_t i = 0; problems_text(problems, i, text, sizeof(text)); i++) {
		assert(i <= PROBLEMS_KEPT && text[0]);
		for (const char *c = text; *c; c++)
			assert((unsigned char)*c >= ' ' && *c != 0x7f);
	}
}

static void run(const uint8_t *bytes, size_t size)
{
	struct problems problems = { 0 };
	struct config config;
	int rc = config_parse((const char *)bytes, size, "c.json", "/base", &config, &problems);

	if (rc == 0) {
		assert(problems.count == 0 && config.cache.layer_count > 0);
		expect_comes_back(&config);
	} else {
		assert(rc == -EINVAL && config.cache.layer_count == 0);
		expect_lines(&problems);
	}
	config_fini(&config);
	problems_fini(&problems);
}

int main(void)
{
	static const struct fuzz_target target = { "config", seeds, words, run };

	setenv("HOME", "/nowhere", 1);
	log_set_level(LOG_LEVEL_ERROR);
	return fuzz_main(&target);
}
