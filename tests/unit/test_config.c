/* Configurations: every shape, its defaults, and the exact words for every mistake. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../backends/log.h"
#include "../../fs/config.h"

#define TYPES "known types: memory, disk"

static struct config config;

static const char *parse(const char *text)
{
	static char told[1200];
	struct problem problem = { 0 };

	int rc = config_parse(text, strlen(text), "c.json", "/base", &config, &problem);
	if (rc == 0) {
		assert_string_equal(problem.message, "");
		return "";
	}
	assert_int_equal(rc, -EINVAL);
	assert_int_equal(config.cache.layer_count, 0);
	return problem_text(&problem, told, sizeof(told));
}

/* An option of a layer as JSON text. */
static const char *option_of(size_t layer, const char *name)
{
	static char text[300];
	const struct option_spec *spec = config.cache.layers[layer].backend->options;

	while (spec->name && strcmp(spec->name, name) != 0)
		spec++;
	assert_non_null(spec->name);
	cJSON *json = option_to_json(spec, config.cache.layers[layer].conf);
	char *printed = cJSON_PrintUnformatted(json);
	snprintf(text, sizeof(text), "%s", printed);
	free(printed);
	cJSON_Delete(json);
	return text;
}

/* The layers as "name=type name=type". */
static const char *stack(void)
{
	static char text[400];

	text[0] = '\0';
	for (size_t i = 0; i < config.cache.layer_count; i++) {
		const struct layer_spec *layer = &config.cache.layers[i];
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%s=%s", i ? " " : "", layer->name,
			 layer->backend->type);
	}
	return text;
}

static void expect_stack(const char *text, const char *layers)
{
	assert_string_equal(parse(text), "");
	assert_string_equal(stack(), layers);
}

static void expect_problem(const char *text, const char *told)
{
	assert_string_equal(parse(text), told);
}

static int cleanup(void **state)
{
	(void)state;
	config_fini(&config);
	return 0;
}

/* ---- shapes ---- */

static void one_typed_layer(void **state)
{
	(void)state;
	expect_stack("{\"type\": \"memory\", \"options\": {\"max_entries\": 7}}", "memory=memory");
	assert_string_equal(option_of(0, "max_entries"), "7");
	assert_string_equal(option_of(0, "max_bytes"), "null");
	assert_string_equal(option_of(0, "eager_expiry"), "true");
}

static void memory_over_disk(void **state)
{
	(void)state;
	expect_stack("{\"memory\": {\"max_entries\": 7}, \"disk\": {\"path\": \"/x/c.sqlite\"}}",
		     "memory=memory disk=disk");
	assert_string_equal(option_of(0, "max_entries"), "7");
	assert_string_equal(option_of(1, "path"), "\"/x/c.sqlite\"");
	assert_int_equal(config.cache.promotion, PROMOTION_ALWAYS);
}

static void promote_on_hit_false_never_promotes(void **state)
{
	(void)state;
	expect_stack("{\"promote_on_hit\": false}", "memory=memory disk=disk");
	assert_int_equal(config.cache.promotion, PROMOTION_NEVER);
}

static void a_list_of_layers(void **state)
{
	(void)state;
	expect_stack("{\"layers\": [{\"type\": \"memory\", \"name\": \"l1\", \"priority\": 0,"
		     "\"options\": {\"max_entries\": 7}}, {\"type\": \"disk\", \"name\": \"l2\"}],"
		     "\"promotion_strategy\": \"never\", \"write_strategy\": \"write_through\","
		     "\"promotion_threshold\": 3}",
		     "l1=memory l2=disk");
	assert_string_equal(option_of(0, "max_entries"), "7");
	assert_int_equal(config.cache.promotion, PROMOTION_NEVER);
}

static void the_type_layered(void **state)
{
	(void)state;
	expect_stack("{\"type\": \"layered\", \"options\": {\"memory\": {\"max_entries\": 7},"
		     "\"disk\": {}, \"promote_on_hit\": false}}",
		     "memory=memory disk=disk");
	assert_string_equal(option_of(0, "max_entries"), "7");
	assert_int_equal(config.cache.promotion, PROMOTION_NEVER);
}

static void the_type_flexible_layered(void **state)
{
	(void)state;
	expect_stack("{\"type\": \"flexible_layered\", \"options\": {\"layers\": [{}, {\"type\": "
		     "\"disk\"}]}}",
		     "memory=memory disk=disk");
	assert_int_equal(config.cache.promotion, PROMOTION_ALWAYS);
}

/* ---- layers[] ---- */

static void a_layer_is_memory_by_default(void **state)
{
	(void)state;
	expect_stack("{\"layers\": [{}]}", "memory=memory");
	assert_string_equal(option_of(0, "max_entries"), "null");
	assert_int_equal(config.cache.layers[0].common.default_ttl_ms, -1);
	assert_true(config.cache.layers[0].common.copy_on_get);
	assert_true(config.cache.layers[0].common.stats_enabled);
}

static void priorities_order_the_layers(void **state)
{
	(void)state;
	expect_stack("{\"layers\": [{\"name\": \"c\", \"priority\": 9}, {\"name\": \"a\", "
		     "\"priority\": -1},"
		     "{\"name\": \"b\", \"priority\": 0}]}",
		     "a=memory b=memory c=memory");
}

static void equal_priorities_keep_their_order(void **state)
{
	(void)state;
	expect_stack("{\"layers\": [{\"name\": \"a\", \"priority\": 1}, {\"name\": \"b\"},"
		     "{\"name\": \"c\", \"priority\": 1}, {\"name\": \"d\", \"priority\": 0}]}",
		     "d=memory a=memory b=memory c=memory");
}

static void a_name_given_twice_gets_a_number(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	expect_stack("{\"layers\": [{}, {}, {\"name\": \"memory2\"}, {\"name\": \"memory\"}]}",
		     "memory=memory memory3=memory memory2=memory memory4=memory");
	log_set_level(LOG_LEVEL_INFO);
}

static void common_options_stand_beside_the_type_or_inside_options(void **state)
{
	(void)state;
	expect_stack(
		"{\"layers\": [{\"default_ttl_s\": 1.5}, {\"options\": {\"copy_on_get\": false}},"
		"{\"options\": {\"default_ttl_s\": 9}}], \"stats_enabled\": false, "
		"\"default_ttl_s\": 60}",
		"memory=memory memory2=memory memory3=memory");
	assert_int_equal(config.cache.layers[0].common.default_ttl_ms, 1500);
	assert_int_equal(config.cache.layers[1].common.default_ttl_ms, 60000);
	assert_int_equal(config.cache.layers[2].common.default_ttl_ms, 9000);
	assert_false(config.cache.layers[1].common.copy_on_get);
	assert_true(config.cache.layers[2].common.copy_on_get);
	assert_false(config.cache.layers[2].common.stats_enabled);
}

/* ---- paths ---- */

static void a_relative_path_starts_at_the_configuration(void **state)
{
	(void)state;
	expect_stack("{\"type\": \"disk\", \"options\": {\"path\": \"d/c.sqlite\"}}", "disk=disk");
	assert_string_equal(option_of(0, "path"), "\"/base/d/c.sqlite\"");
}

static void a_default_path_does_too(void **state)
{
	(void)state;
	expect_stack("{\"type\": \"disk\"}", "disk=disk");
	assert_string_equal(option_of(0, "path"), "\"/base/.cache/accuralai.sqlite\"");
}

static void the_home_directory_is_expanded(void **state)
{
	(void)state;
	setenv("HOME", "/home/x", 1);
	expect_stack("{\"type\": \"disk\", \"options\": {\"path\": \"~/c.sqlite\"}}", "disk=disk");
	assert_string_equal(option_of(0, "path"), "\"/home/x/c.sqlite\"");
}

/* ---- the daemon's settings, the default ---- */

static void settings_have_defaults(void **state)
{
	(void)state;
	expect_stack("{\"type\": \"memory\"}", "memory=memory");
	assert_int_equal(config.fs.rmdir, RMDIR_INVALIDATE_PREFIX);
	assert_int_equal(config.fs.on_killed_writer, KILLED_WRITER_DISCARD);
	assert_int_equal(config.fs.pending_wait_ms, 50);
	assert_int_equal(config.fs.attr_timeout_ms, 1000);
	assert_int_equal(config.fs.entry_timeout_ms, 1000);
	assert_int_equal(config.fs.publish_timeout_ms, 30000);
	assert_int_equal(config.fs.drain_timeout_ms, 10000);
	assert_int_equal(config.fs.pending_max_bytes, UINT64_C(4) << 30);
	assert_int_equal(config.fs.heap_max_bytes, 1024 * 1024);
	assert_int_equal(config.fs.threads_max, 128);
	assert_int_equal(config.fs.log_level, LOG_LEVEL_INFO);
	assert_true(config.fs.xattr);
}

static void settings_are_read(void **state)
{
	(void)state;
	expect_stack("{\"type\": \"memory\", \"cachefs\": {\"rmdir\": \"empty_only\","
		     "\"on_killed_writer\": \"publish\", \"attr_timeout\": 0.5, \"max_threads\": 4,"
		     "\"log_level\": \"debug\", \"xattr\": false}}",
		     "memory=memory");
	assert_int_equal(config.fs.rmdir, RMDIR_EMPTY_ONLY);
	assert_int_equal(config.fs.on_killed_writer, KILLED_WRITER_PUBLISH);
	assert_int_equal(config.fs.attr_timeout_ms, 500);
	assert_int_equal(config.fs.threads_max, 4);
	assert_int_equal(config.fs.log_level, LOG_LEVEL_DEBUG);
	assert_false(config.fs.xattr);
}

static void without_a_word_about_layers_the_default_ones_serve(void **state)
{
	(void)state;
	setenv("XDG_CACHE_HOME", "/xdg", 1);
	expect_stack("{\"cachefs\": {\"rmdir\": \"empty_only\"}}", "memory=memory disk=disk");
	assert_int_equal(config.fs.rmdir, RMDIR_EMPTY_ONLY);
	assert_string_equal(option_of(1, "path"), "\"/xdg/cachefs/default.sqlite\"");
}

static void expect_default_path(const char *path)
{
	struct problem problem = { 0 };

	config_fini(&config);
	assert_int_equal(config_default(&config, &problem), 0);
	assert_string_equal(stack(), "memory=memory disk=disk");
	assert_string_equal(option_of(1, "path"), path);
}

static void the_default_is_memory_over_disk(void **state)
{
	(void)state;
	setenv("XDG_CACHE_HOME", "/xdg", 1);
	setenv("HOME", "/home/x", 1);
	expect_default_path("\"/xdg/cachefs/default.sqlite\"");
	assert_string_equal(option_of(0, "max_bytes"), "268435456");
	assert_string_equal(option_of(1, "size_limit_mb"), "10240");
	assert_null(config.source);
	setenv("XDG_CACHE_HOME", "relative", 1);
	expect_default_path("\"/home/x/.cache/cachefs/default.sqlite\"");
	unsetenv("XDG_CACHE_HOME");
	setenv("HOME", "/with \\\"quotes\\\"", 1);
	config_fini(&config);
	expect_default_path("\"/with \\\\\\\"quotes\\\\\\\"/.cache/cachefs/default.sqlite\"");
}

/* What is written out reads back as the same. */
static void the_effective_configuration_comes_back(void **state)
{
	(void)state;
	expect_stack(
		"{\"layers\": [{\"name\": \"slow\", \"type\": \"disk\", \"priority\": 5},"
		"{\"name\": \"fast\", \"default_ttl_s\": 2.5, \"options\": {\"max_entries\": 3}}],"
		"\"promotion_strategy\": \"never\", \"cachefs\": {\"working_copy_heap_kb\": 0.5}}",
		"fast=memory slow=disk");
	cJSON *json = config_to_json(&config);
	char *first = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	assert_non_null(strstr(first,
			       "{\"layers\":[{\"type\":\"memory\",\"name\":\"fast\",\"priority\":0,"
			       "\"options\":{\"max_entries\":3,"));
	assert_non_null(strstr(
		first, "\"default_ttl_s\":2.5,\"copy_on_get\":true,\"stats_enabled\":true}}"));
	assert_non_null(strstr(
		first, "\"promotion_strategy\":\"never\",\"write_strategy\":\"write_through\""));
	assert_non_null(strstr(first, "\"cachefs\":{\"rmdir\":\"invalidate_prefix\""));
	config_fini(&config);
	assert_string_equal(parse(first), "");
	json = config_to_json(&config);
	char *second = cJSON_PrintUnformatted(json);
	assert_string_equal(first, second);
	cJSON_Delete(json);
	free(first);
	free(second);
}

/* ---- problems ---- */

static void unknown_types(void **state)
{
	(void)state;
	expect_problem("{\"type\": \"lfu\"}", "c.json:1: $.type: unknown type \"lfu\"; " TYPES
					      ", layered, flexible_layered");
	expect_problem(
		"{\"layers\": [\n{},\n{\"type\": \"dsik\"}]}",
		"c.json:3: $.layers[1].type: unknown type \"dsik\"; did you mean \"disk\"? " TYPES);
	expect_problem("{\"layers\": [{\"type\": 3}]}",
		       "c.json:1: $.layers[0].type: expected a string");
}

static void unknown_options(void **state)
{
	(void)state;
	expect_problem(
		"{\"layers\": [{},\n{\"type\": \"memory\", \"options\": {\n \"eager_expiry\": "
		"true,\n"
		" \"max_entires\": 1}}]}",
		"c.json:4: $.layers[1].options.max_entires: unknown option of type \"memory\"; "
		"did you mean \"max_entries\"?");
	expect_problem("{\"type\": \"memory\", \"option\": {}}",
		       "c.json:1: $.option: unknown option of a layer; did you mean \"options\"?");
	expect_problem("{\"type\": \"memory\", \"max_entries\": 1}",
		       "c.json:1: $.max_entries: an option of type \"memory\" beside \"type\"; "
		       "write it into \"options\"");
	expect_problem(
		"{\"memory\": {\"x\": 1}}",
		"c.json:1: $.memory.x: unknown option of type \"memory\"; known: max_entries, "
		"max_bytes, eager_expiry, default_ttl_s, copy_on_get, stats_enabled");
	expect_problem(
		"{\"memory\": {}, \"dsk\": {}}",
		"c.json:1: $.dsk: unknown option of the two-layer form; did you mean \"disk\"?");
	expect_problem("{\"layers\": [{}], \"cachfs\": {}}",
		       "c.json:1: $.cachfs: unknown option of a list of layers; did you mean "
		       "\"cachefs\"?");
	expect_problem(
		"{\"layer\": [{}]}",
		"c.json:1: $.layer: unknown option of the configuration; did you mean \"layers\"?");
	expect_problem("{\"cachefs\":\n{\"rmdri\": 1}}",
		       "c.json:2: $.cachefs.rmdri: unknown option of \"cachefs\"; did you mean "
		       "\"rmdir\"?");
	expect_problem("{\"type\": \"layered\", \"options\": {\"cachefs\": {}}}",
		       "c.json:1: $.options.cachefs: unknown option of the two-layer form; known: "
		       "memory, disk, "
		       "promote_on_hit, default_ttl_s, copy_on_get, stats_enabled");
}

static void wrong_values(void **state)
{
	(void)state;
	expect_problem("{\"memory\": null}", "c.json:1: $.memory: expected an object, found null");
	expect_problem("{\"layers\": [3]}",
		       "c.json:1: $.layers[0]: expected an object, found a number");
	expect_problem("{\"layers\": [{\"options\": []}]}",
		       "c.json:1: $.layers[0].options: expected an object, found an array");
	expect_problem("{\"type\": \"memory\", \"options\": {\"max_entries\": 0}}",
		       "c.json:1: $.options.max_entries: 0 is out of range: at least 1");
	expect_problem("{\"cachefs\": {\"max_threads\": 5000}}",
		       "c.json:1: $.cachefs.max_threads: 5000 is out of range: from 4 to 4096");
	expect_problem(
		"{\"cachefs\": {\"rmdir\": \"empty\"}}",
		"c.json:1: $.cachefs.rmdir: \"empty\" is not one of invalidate_prefix, empty_only");
	expect_problem("{\"layers\": [{\"priority\": 0.5}]}",
		       "c.json:1: $.layers[0].priority: expected a whole number");
	expect_problem("{\"layers\": [{\"name\": \"a/b\"}]}",
		       "c.json:1: $.layers[0].name: not a name for a layer; use 1 to 64 characters "
		       "without "
		       "space, comma or /, not starting with a dot");
	expect_problem(
		"{\"layers\": [{\"default_ttl_s\": 1, \"options\": {\"default_ttl_s\": 1}}]}",
		"c.json:1: $.layers[0].default_ttl_s: also given in \"options\"");
	expect_problem("[]", "c.json:1: $: expected an object: { ... }");
}

static void missing_layers(void **state)
{
	(void)state;
	expect_problem("{\"layers\": []}",
		       "c.json:1: $.layers: expected an array with at least one layer; for example "
		       "[{\"type\": \"memory\"}, {\"type\": \"disk\"}]");
	expect_problem("{\"type\": \"flexible_layered\"}",
		       "c.json:1: $.options.layers: expected an array with at least one layer; for "
		       "example "
		       "[{\"type\": \"memory\"}, {\"type\": \"disk\"}]");
	expect_problem("{\"promotion_threshold\": 2}",
		       "c.json:1: $: no layers are configured; write \"type\", \"memory\" and "
		       "\"disk\", or "
		       "\"layers\"");
}

static void what_is_not_supported_yet(void **state)
{
	(void)state;
	expect_problem("{\"layers\": [{}], \"promotion_strategy\": \"frequency_based\"}",
		       "c.json:1: $.promotion_strategy: \"frequency_based\" is not supported yet; "
		       "use \"always\" or \"never\"");
	expect_problem("{\"layers\": [{}], \"write_strategy\": \"write_back\"}",
		       "c.json:1: $.write_strategy: \"write_back\" is not supported yet; use "
		       "\"write_through\"");
}

static void broken_json(void **state)
{
	(void)state;
	expect_problem("{\"type\": \"memory\",\n  }",
		       "c.json:2:3: not valid JSON at \"}\"; remove the comma "
		       "before it");
	expect_problem(
		"{\"type\": \"memory\"\n \"options\": {}}",
		"c.json:2:2: not valid JSON at \"\"options\": {}}\"; a comma is missing before it");
	expect_problem("{\n// note\n}",
		       "c.json:2:1: not valid JSON at \"// note\"; JSON has no comments");
	expect_problem("{\"type\": \"mem", "c.json:1:10: not valid JSON at \"\"mem\"");
	expect_problem("{\"type\": 1", "c.json:1:11: not valid JSON: the text ends too early");
	expect_problem("{} x", "c.json:1:4: not valid JSON at \"x\"");
	expect_problem(" \n", "c.json: the file is empty; the shortest configuration is {}");
}

static void a_nul_byte(void **state)
{
	struct problem problem = { 0 };

	(void)state;
	assert_int_equal(config_parse("{}\0", 3, "c.json", "/", &config, &problem), -EINVAL);
	assert_string_equal(problem.message, "the file contains a NUL byte");
}

/* ---- files ---- */

static void a_file_is_loaded(void **state)
{
	char dir[] = "/tmp/cachefs-config-XXXXXX", path[64], expected[80];
	static const char text[] = "{\"type\": \"disk\"}";
	struct problem problem = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/c.json", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_int_equal(config_load(path, &config, &problem), 0);
	assert_string_equal(config.source, path);
	snprintf(expected, sizeof(expected), "\"%s/.cache/accuralai.sqlite\"", dir);
	assert_string_equal(option_of(0, "path"), expected);
	unlink(path);
	rmdir(dir);
}

static void a_file_that_cannot_be_read(void **state)
{
	struct problem problem = { 0 };
	char text[1200];

	(void)state;
	assert_int_equal(config_load("/nowhere/c.json", &config, &problem), -EINVAL);
	assert_string_equal(
		problem_text(&problem, text, sizeof(text)),
		"/nowhere/c.json: cannot read the configuration: No such file or directory; "
		"without CONFIG the built-in one is used");
	memset(&problem, 0, sizeof(problem));
	assert_int_equal(config_load("/", &config, &problem), -EINVAL);
	assert_string_equal(problem_text(&problem, text, sizeof(text)),
			    "/: cannot read the configuration: Is a directory");
}

#define TEST(name) cmocka_unit_test_teardown(name, cleanup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_typed_layer),
		TEST(memory_over_disk),
		TEST(promote_on_hit_false_never_promotes),
		TEST(a_list_of_layers),
		TEST(the_type_layered),
		TEST(the_type_flexible_layered),
		TEST(a_layer_is_memory_by_default),
		TEST(priorities_order_the_layers),
		TEST(equal_priorities_keep_their_order),
		TEST(a_name_given_twice_gets_a_number),
		TEST(common_options_stand_beside_the_type_or_inside_options),
		TEST(a_relative_path_starts_at_the_configuration),
		TEST(a_default_path_does_too),
		TEST(the_home_directory_is_expanded),
		TEST(settings_have_defaults),
		TEST(settings_are_read),
		TEST(without_a_word_about_layers_the_default_ones_serve),
		TEST(the_default_is_memory_over_disk),
		TEST(the_effective_configuration_comes_back),
		TEST(unknown_types),
		TEST(unknown_options),
		TEST(wrong_values),
		TEST(missing_layers),
		TEST(what_is_not_supported_yet),
		TEST(broken_json),
		TEST(a_nul_byte),
		TEST(a_file_is_loaded),
		TEST(a_file_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
