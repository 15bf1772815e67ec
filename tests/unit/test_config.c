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

#include "base/log.h"
#include "config/load.h"

#define TYPES "known types: memory, lfu, ttl, disk, redis, file, noop"

static struct config config;

/* Every problem on a line of its own; "" if there is none. */
static const char *told(struct problems *problems)
{
	static char text[PROBLEMS_KEPT * 400];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; problems_text(problems, i, text + used, sizeof(text) - used); i++) {
		used += strlen(text + used);
		text[used++] = '\n';
	}
	text[used > 0 ? used - 1 : 0] = '\0';
	problems_fini(problems);
	return text;
}

static const char *parse(const char *text)
{
	struct problems problems = { 0 };

	config_fini(&config);
	int rc = config_parse(text, strlen(text), "c.json", "/base", &config, &problems);

	assert_int_equal(rc, problems.count > 0 ? -EINVAL : 0);
	if (rc < 0)
		assert_int_equal(config.cache.layer_count, 0);
	return told(&problems);
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

/* ---- what the Python package writes ---- */

static void the_packages_plugins_are_types(void **state)
{
	(void)state;
	expect_stack("{\"plugin\": \"advanced\", \"options\": {\"max_entries\": 7}}",
		     "memory=memory");
	assert_string_equal(option_of(0, "max_entries"), "7");
	expect_stack("{\"plugin\": \"flexible-layered\", \"options\": {\"layers\": [{\"type\": "
		     "\"advanced\"}, {\"type\": \"disk\"}]}}",
		     "memory=memory disk=disk");
	expect_stack("{\"type\": \"flexible-layered\", \"options\": {\"layers\": [{}]}}",
		     "memory=memory");
	expect_stack("{\"plugin\": null, \"options\": {\"max_entries\": \"7\"}}", "memory=memory");
	assert_string_equal(option_of(0, "max_entries"), "7");
}

static void the_block_of_the_packages_core(void **state)
{
	(void)state;
	expect_stack("{\"plugin\": \"layered\", \"enabled\": true, \"ttl_s\": 300, \"options\": {"
		     "\"stats_enabled\": true, \"promote_on_hit\": true, \"memory\": "
		     "{\"max_entries\": 512, \"copy_on_get\": true, \"stats_enabled\": true}, "
		     "\"disk\": {\"path\": \".cache/accuralai-core/cache.sqlite\", "
		     "\"size_limit_mb\": 256, \"ensure_directory\": true}}}",
		     "memory=memory disk=disk");
	assert_int_equal(config.top.ttl_ms, 300000);
	assert_true(config.top.enabled);
	assert_int_equal(config.cache.layers[1].common.default_ttl_ms, -1);
	assert_string_equal(option_of(1, "size_limit_mb"), "256");
}

static void a_block_that_is_not_enabled_forgets(void **state)
{
	(void)state;
	expect_stack("{\"plugin\": \"redis\", \"enabled\": false, \"options\": {\"host\": 7}}",
		     "noop=noop");
	assert_false(config.top.enabled);
}

static void bare_options_are_of_memory(void **state)
{
	(void)state;
	expect_stack("{\"max_entries\": 512, \"default_ttl_s\": 9, \"ttl_s\": 4}", "memory=memory");
	assert_string_equal(option_of(0, "max_entries"), "512");
	assert_int_equal(config.cache.layers[0].common.default_ttl_ms, 9000);
	assert_int_equal(config.top.ttl_ms, 4000);
	/* No word about layers. */
	expect_stack("{\"ttl_s\": 4, \"stats_enabled\": false}", "memory=memory disk=disk");
	assert_int_equal(config.top.ttl_ms, 4000);
	assert_false(config.cache.layers[1].common.stats_enabled);
	expect_stack("{\"type\": \"memory\", \"ttl_s\": null}", "memory=memory");
	assert_int_equal(config.top.ttl_ms, -1);
}

static void ttl_s_in_a_layers_options_is_its_default(void **state)
{
	(void)state;
	expect_stack("{\"layers\": [{\"options\": {\"ttl_s\": 4}}, {\"name\": \"m2\", "
		     "\"options\": {\"ttl_s\": 4, \"default_ttl_s\": 9}}, {\"name\": \"m3\"}], "
		     "\"default_ttl_s\": 60}",
		     "memory=memory m2=memory m3=memory");
	assert_int_equal(config.cache.layers[0].common.default_ttl_ms, 4000);
	assert_int_equal(config.cache.layers[1].common.default_ttl_ms, 9000);
	assert_int_equal(config.cache.layers[2].common.default_ttl_ms, 60000);
	assert_int_equal(config.top.ttl_ms, -1);
	expect_stack("{\"type\": \"layered\", \"options\": {\"ttl_s\": 4}}",
		     "memory=memory disk=disk");
	assert_int_equal(config.top.ttl_ms, 4000);
}

static void any_name_is_a_layers(void **state)
{
	(void)state;
	expect_stack(
		"{\"layers\": [{\"name\": \"a/b\"}, {\"name\": \"..\"}, {\"name\": \" x, y\"}, "
		"{\"name\": \".h\"}]}",
		"a/b=memory ..=memory  x, y=memory .h=memory");
}

static void fractions_and_strings_are_priorities(void **state)
{
	(void)state;
	expect_stack("{\"layers\": [{\"name\": \"c\", \"priority\": 0.75},"
		     "{\"name\": \"a\", \"priority\": -1e9}, {\"name\": \"b\", \"priority\": "
		     "\"0.5\"}]}",
		     "a=memory b=memory c=memory");
	cJSON *json = config_to_json(&config);
	cJSON *layers = cJSON_GetObjectItem(json, "layers");
	static const double expected[] = { -1e9, 0.5, 0.75 };
	for (int i = 0; i < 3; i++)
		assert_true(cJSON_GetObjectItem(cJSON_GetArrayItem(layers, i), "priority")
				    ->valuedouble == expected[i]);
	cJSON_Delete(json);
}

/* ---- one store for two layers ---- */

#define SHARED(option, layer)                                                                      \
	"c.json:1: $.layers[1].options." option ": this is the store of $.layers[" layer           \
	"].options, too; give it another \"" option                                                \
	"\"; two layers in one store drop each other's entries"

/* Two layers of these types with these options. */
static const char *parse_two(const char *type, const char *first, const char *second_type,
			     const char *second)
{
	static char text[1000];

	snprintf(text, sizeof(text),
		 "{\"layers\": [{\"type\": \"%s\", \"options\": {%s}}, {\"type\": \"%s\", "
		 "\"options\": {%s}}]}",
		 type, first, second_type, second);
	return parse(text);
}

static void one_store_for_two_layers_is_an_error(void **state)
{
	(void)state;
	assert_string_equal(parse_two("disk", "", "disk", ""), SHARED("path", "0"));
	assert_string_equal(parse_two("disk", "\"path\": \"/nowhere/a/../x/c\"", "disk",
				      "\"path\": \"/nowhere//x/./c\""),
			    SHARED("path", "0"));
	assert_string_equal(parse_two("file", "\"directory\": \"/nowhere/f\"", "file",
				      "\"directory\": \"/nowhere/f/\", \"file_extension\": \".x\""),
			    SHARED("directory", "0"));
	assert_string_equal(parse_two("disk", "\"path\": \"/nowhere/c\"", "file",
				      "\"directory\": \"/nowhere/c.values\""),
			    SHARED("directory", "0"));
	assert_string_equal(
		parse_two("redis", "\"host\": \"LOCALHOST\"", "redis", "\"host\": \"127.0.0.1\""),
		SHARED("key_prefix", "0"));
	assert_string_equal(
		parse_two("redis", "\"key_prefix\": \"a:\"", "redis", "\"key_prefix\": \"a:b:\""),
		SHARED("key_prefix", "0"));
	assert_string_equal(parse_two("redis", "\"unix_socket_path\": \"/nowhere/r\"", "redis",
				      "\"unix_socket_path\": \"/nowhere/./r\", \"port\": 7"),
			    SHARED("key_prefix", "0"));
}

static void stores_that_differ_are_none(void **state)
{
	(void)state;
	assert_string_equal(parse_two("redis", "", "redis", "\"db\": 1"), "");
	assert_string_equal(parse_two("redis", "", "redis", "\"port\": 1"), "");
	assert_string_equal(parse_two("redis", "", "redis", "\"host\": \"other\""), "");
	assert_string_equal(
		parse_two("redis", "\"key_prefix\": \"a:\"", "redis", "\"key_prefix\": \"b:\""),
		"");
	assert_string_equal(parse_two("redis", "", "redis", "\"unix_socket_path\": \"/nowhere/r\""),
			    "");
	assert_string_equal(parse_two("disk", "\"path\": \"/nowhere/c\"", "file",
				      "\"directory\": \"/nowhere\""),
			    "");
	assert_string_equal(parse_two("memory", "", "memory", ""), "");
}

/* Links, soft and hard, and a link to what is not there yet. */
static void one_store_by_two_names_is_one(void **state)
{
	char dir[] = "/tmp/cachefs-config-XXXXXX", first[80], second[80];

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	close(open("real", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(link("real", "hard") | symlink("real", "soft") |
				 symlink("later", "dangling") | symlink(dir, "dir"),
			 0);
	static const char *const same[][2] = { { "real", "hard" },
					       { "soft", "real" },
					       { "dangling", "later" },
					       { "later", "dir/dangling" } };
	for (size_t i = 0; i < 4; i++) {
		snprintf(first, sizeof(first), "\"path\": \"%s/%s\"", dir, same[i][0]);
		snprintf(second, sizeof(second), "\"path\": \"%s/%s\"", dir, same[i][1]);
		assert_string_equal(parse_two("disk", first, "disk", second), SHARED("path", "0"));
	}
	static const char *const names[] = { "real", "hard", "soft", "dangling", "dir" };
	for (size_t i = 0; i < 5; i++)
		unlink(names[i]);
	assert_int_equal(chdir("/"), 0);
	rmdir(dir);
}

static void the_state_is_no_layers_store(void **state)
{
	(void)state;
	expect_problem("{\"type\": \"file\", \"options\": {\"directory\": \"/nowhere/s\"}, "
		       "\"cachefs\": {\"state_dir\": \"/nowhere/x/../s\"}}",
		       "c.json: $.cachefs.state_dir: this is the store of layer \"file\"; name "
		       "another place");
	expect_problem("{\"type\": \"disk\", \"options\": {\"path\": "
		       "\"/nowhere/s/state.sqlite\"}, \"cachefs\": {\"state_dir\": "
		       "\"/nowhere/s\"}}",
		       "c.json: $.cachefs.state_dir: this is the store of layer \"disk\"; name "
		       "another place");
	expect_problem("{\"type\": \"disk\", \"options\": {\"path\": \"/nowhere/l\"}, "
		       "\"cachefs\": {\"log_file\": \"/nowhere/./l\"}}",
		       "c.json: $.cachefs.log_file: this is the store of layer \"disk\"; name "
		       "another place");
}

static void a_host_is_a_name(void **state)
{
	(void)state;
	expect_problem("{\"type\": \"redis\", \"options\": {\"host\": "
		       "\"redis://u:secret@h:1/0\"}}",
		       "c.json:1: $.options.host: a URL, not the name of a host; write the parts "
		       "of redis://USERNAME:PASSWORD@HOST:PORT/DB as \"username\", \"password\", "
		       "\"host\", \"port\" and \"db\"");
	expect_problem("{\"type\": \"redis\", \"options\": {\"host\": \"h:6379\"}}",
		       "c.json:1: $.options.host: a host with a port; write \"port\" beside it");
	expect_problem("{\"type\": \"redis\", \"options\": {\"host\": \"/run/redis.sock\"}}",
		       "c.json:1: $.options.host: a path, not the name of a host; write it as "
		       "\"unix_socket_path\"");
	expect_stack("{\"type\": \"redis\", \"options\": {\"host\": \"2001:db8::1\"}}",
		     "redis=redis");
	expect_stack("{\"type\": \"redis\", \"options\": {\"host\": \"::1\"}}", "redis=redis");
	expect_problem("{\"type\": \"disk\", \"options\": {\"path\": \":memory:\"}}",
		       "c.json:1: $.options.path: a database is a file here; the type \"memory\" "
		       "keeps nothing on disk");
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

/* It is a layer of the stack, too. */
static void the_journals_name_is_reserved(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	expect_stack("{\"layers\": [{\"name\": \"journal\"}, {\"name\": \"journal2\"}]}",
		     "journal3=memory journal2=memory");
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
	assert_int_equal(config.fs.pending_max_bytes, 0);
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
	struct problems problems = { 0 };

	config_fini(&config);
	assert_int_equal(config_default(&config, &problems), 0);
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
			       "{\"layers\":[{\"type\":\"memory\",\"name\":\"fast\",\"priority\":1,"
			       "\"options\":{\"max_entries\":3,"));
	assert_non_null(strstr(
		first, "\"default_ttl_s\":2.5,\"max_ttl_s\":null,\"revalidate_ms\":null,\"copy_on_"
		       "get\":true,\"stats_enabled\":true}}"));
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
	expect_problem("{\"type\": \"fast\"}", "c.json:1: $.type: unknown type \"fast\"; " TYPES
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
		       "c.json:1: $.max_entries: not an option of a layer itself; "
		       "write it into \"options\"");
	expect_problem(
		"{\"memory\": {\"x\": 1}}",
		"c.json:1: $.memory.x: unknown option of type \"memory\"; known: max_entries, "
		"max_bytes, eager_expiry, default_ttl_s, max_ttl_s, revalidate_ms, copy_on_get, "
		"stats_enabled, ttl_s");
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
	expect_problem(
		"{\"type\": \"layered\", \"options\": {\"cachefs\": {}}}",
		"c.json:1: $.options.cachefs: unknown option of the two-layer form; known: "
		"memory, disk, "
		"promote_on_hit, on_error, default_ttl_s, max_ttl_s, revalidate_ms, copy_on_get, "
		"stats_enabled, ttl_s");
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
	expect_problem("{\"layers\": [{\"priority\": \"high\"}]}",
		       "c.json:1: $.layers[0].priority: expected a number");
	expect_problem("{\"layers\": [{\"name\": \"\"}]}",
		       "c.json:1: $.layers[0].name: an empty name; leave it out: a layer is called "
		       "as its type");
	expect_problem("{\"layers\": [{\"ttl_s\": 1}]}",
		       "c.json:1: $.layers[0].ttl_s: not an option of a layer itself; write it "
		       "into \"options\"");
	expect_problem("{\"type\": \"memory\", \"plugin\": \"disk\"}",
		       "c.json:1: $.plugin: also given as \"type\"; remove one of them");
	expect_problem("{\"plugin\": \"dsik\"}",
		       "c.json:1: $.plugin: unknown type \"dsik\"; did you mean \"disk\"? " TYPES
		       ", layered, flexible_layered");
	expect_problem("{\"ttl_s\": -1}", "c.json:1: $.ttl_s: -1 is out of range: at least 0");
	expect_problem("{\"max_entires\": 5}",
		       "c.json:1: $.max_entires: unknown option of the configuration; did you mean "
		       "\"max_entries\"?");
	expect_problem(
		"{\"layers\": [{\"default_ttl_s\": 1, \"options\": {\"default_ttl_s\": 1}}]}",
		"c.json:1: $.layers[0].default_ttl_s: also given in \"options\"; remove "
		"one of them");
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

static void broken_json(void **state)
{
	(void)state;
	expect_problem("{\"type\": \"memory\",\n  }",
		       "c.json:2:3: not valid JSON at \"}\"; remove the comma "
		       "before it");
	expect_problem("{\"type\": \"memory\"\n \"options\": {}}",
		       "c.json:2:2: not valid JSON at a string; a comma is missing before it");
	expect_problem("{\n// note\n}",
		       "c.json:2:1: not valid JSON at \"/\"; JSON has no comments");
	expect_problem("{\"type\": \"mem",
		       "c.json:1:10: not valid JSON at a string; its closing quote is missing, or "
		       "an escape in it is wrong");
	expect_problem("{\"type\": memory}",
		       "c.json:1:10: not valid JSON at \"m\"; strings stand in double quotes; the "
		       "words of JSON are true, false and null");
	expect_problem("{'type': 1}", "c.json:1:2: not valid JSON at \"'\"; JSON strings stand in "
				      "double quotes");
	expect_problem("{\"type\": 1", "c.json:1:11: not valid JSON: the text ends too early; a "
				       "closing brace or bracket is missing");
	expect_problem("{} \xc3\xa4", "c.json:1:4: not valid JSON at \"\xc3\xa4\"");
	expect_problem(" \n", "c.json: the file is empty; the shortest configuration is {}");
}

/* What cJSON would let pass. */
static void json_that_is_not_quite_right(void **state)
{
	(void)state;
	expect_problem("{\"memory\": {\"max_entries\": 1,\n\"max_entries\": 2}}",
		       "c.json:2: $.memory.max_entries: given twice; remove one; another is on "
		       "line 1");
	expect_problem("{\"cachefs\": {},\n\n\"type\": \"memory\", \"cachefs\": {}}",
		       "c.json:3: $.cachefs: given twice; remove one; another is on line 1");
	expect_problem("{\"type\": \"memory\\u0000x\"}",
		       "c.json:1: $.type: a NUL character in a string; remove \\u0000");
	expect_problem(
		"{\"type\": \"disk\", \"options\": {\"path\": \"/base/a\\u00zzb\"}}",
		"c.json:1: $.options.path: an escape that JSON does not have; \\u is followed "
		"by four hexadecimal digits");
	expect_problem("{\"type\": \"disk\", \"options\": {\"path\": \"/base/a\nb\"}}",
		       "c.json:1: $.options.path: a control character in a string; write it as an "
		       "escape, such as \\n or \\t");
	expect_problem("{\"memory\": {\"max_entries\": 010}}",
		       "c.json:1: $.memory.max_entries: not valid JSON: not a number; write it as "
		       "1, -1, 0.5 or 1e3");
	expect_problem("{\"memory\": {\"max_entries\": 1e999}}",
		       "c.json:1: $.memory.max_entries: inf is out of range: from 1 to "
		       "9007199254740992");
	expect_problem("{\"layers\": [{\"priority\": 1e999}]}",
		       "c.json:1: $.layers[0].priority: expected a number");
	expect_stack("\xEF\xBB\xBF{\"type\": \"memory\"}", "memory=memory");
}

static void every_problem_is_told_at_once(void **state)
{
	(void)state;
	expect_problem(
		"{\n"
		" \"layers\": [\n"
		"  {\"type\": \"memory\", \"options\": {\"max_entires\": 5,\n"
		"   \"max_bytes\": \"many\"}},\n"
		"  {\"type\": \"dsik\", \"name\": \"\"},\n"
		"  {\"type\": \"disk\", \"priority\": \"high\", \"options\":\n"
		"   {\"inline_limit_kb\": 0}}],\n"
		" \"write_strategy\": \"sometimes\",\n"
		" \"cachefs\": {\"rmdir\": 3,\n"
		"  \"log_lvl\": \"info\"}\n"
		"}",
		"c.json:9: $.cachefs.rmdir: expected a string, found a number\n"
		"c.json:10: $.cachefs.log_lvl: unknown option of \"cachefs\"; did you mean "
		"\"log_level\"?\n"
		"c.json:8: $.write_strategy: \"sometimes\" is not one of write_through, "
		"write_back, write_around\n"
		"c.json:3: $.layers[0].options.max_entires: unknown option of type "
		"\"memory\"; did you mean \"max_entries\"?\n"
		"c.json:4: $.layers[0].options.max_bytes: expected a whole number or null, "
		"found a string\n"
		"c.json:5: $.layers[1].type: unknown type \"dsik\"; did you mean \"disk\"? " TYPES
		"\n"
		"c.json:5: $.layers[1].name: an empty name; leave it out: a layer is called as "
		"its type\n"
		"c.json:6: $.layers[2].priority: expected a number\n"
		"c.json:7: $.layers[2].options.inline_limit_kb: 0 is out of range: from 1 "
		"to 524288");
}

static void what_the_options_name_must_exist(void **state)
{
	(void)state;
	expect_problem("{\"type\": \"disk\", \"options\": {\"ensure_directory\": false,\n"
		       "\"path\": \"/nowhere/c.sqlite\"}}",
		       "c.json:2: $.options.path: the directory of /nowhere/c.sqlite does not "
		       "exist; create it, or set \"ensure_directory\": true");
	expect_problem("{\"type\": \"disk\", \"options\": {\"path\": \"/tmp\"}}",
		       "c.json:1: $.options.path: /tmp is a directory; name a file in it");
	expect_problem("{\"type\": \"disk\", \"options\": {\"path\": \"/etc/passwd/c\"}}",
		       "c.json:1: $.options.path: /etc/passwd is not a directory; choose another "
		       "place for the database");
}

static void a_nul_byte(void **state)
{
	struct problems problems = { 0 };

	(void)state;
	assert_int_equal(config_parse("{}\0", 3, "c.json", "/", &config, &problems), -EINVAL);
	assert_string_equal(told(&problems),
			    "c.json: the file contains a NUL byte; save it as UTF-8 text");
}

/* ---- files ---- */

static void a_file_is_loaded(void **state)
{
	char dir[] = "/tmp/cachefs-config-XXXXXX", path[64], expected[80];
	static const char text[] = "{\"type\": \"disk\"}";
	struct problems problems = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/c.json", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_int_equal(config_load(path, &config, &problems), 0);
	assert_string_equal(config.source, path);
	snprintf(expected, sizeof(expected), "\"%s/.cache/accuralai.sqlite\"", dir);
	assert_string_equal(option_of(0, "path"), expected);
	unlink(path);
	rmdir(dir);
}

static void a_file_that_cannot_be_read(void **state)
{
	struct problems problems = { 0 };

	(void)state;
	assert_int_equal(config_load("/nowhere/c.json", &config, &problems), -EINVAL);
	assert_string_equal(
		told(&problems),
		"/nowhere/c.json: cannot read the configuration: No such file or directory; "
		"without CONFIG the built-in one is used; cachefs --example-config prints one");
	assert_int_equal(config_load("/", &config, &problems), -EINVAL);
	assert_string_equal(
		told(&problems),
		"/: cannot read the configuration: Is a directory; name the file in it");
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
		TEST(the_packages_plugins_are_types),
		TEST(the_block_of_the_packages_core),
		TEST(a_block_that_is_not_enabled_forgets),
		TEST(bare_options_are_of_memory),
		TEST(ttl_s_in_a_layers_options_is_its_default),
		TEST(any_name_is_a_layers),
		TEST(fractions_and_strings_are_priorities),
		TEST(one_store_for_two_layers_is_an_error),
		TEST(stores_that_differ_are_none),
		TEST(one_store_by_two_names_is_one),
		TEST(the_state_is_no_layers_store),
		TEST(a_host_is_a_name),
		TEST(a_layer_is_memory_by_default),
		TEST(priorities_order_the_layers),
		TEST(equal_priorities_keep_their_order),
		TEST(a_name_given_twice_gets_a_number),
		TEST(the_journals_name_is_reserved),
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
		TEST(broken_json),
		TEST(json_that_is_not_quite_right),
		TEST(every_problem_is_told_at_once),
		TEST(what_the_options_name_must_exist),
		TEST(a_nul_byte),
		TEST(a_file_is_loaded),
		TEST(a_file_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
