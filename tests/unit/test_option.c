/* Options from JSON: every type, its limits, null, defaults, and what people are told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/option.h"

static const char *const colours[] = { "red", "green", "blue", NULL };

struct conf {
	bool flag;
	uint64_t count, bytes, mb, kb;
	int64_t seconds, ms, deadline;
	char *text, *path, *secret;
	int colour;
	char **list;
};

#define AT(member) .offset = offsetof(struct conf, member)

static const struct option_spec specs[] = {
	{ .name = "flag", .type = OPT_BOOL, AT(flag), .def = "true" },
	{ .name = "count",
	  .type = OPT_COUNT,
	  AT(count),
	  .def = "null",
	  .min = 1,
	  .nullable = true },
	{ .name = "bytes", .type = OPT_BYTES, AT(bytes), .def = "4096" },
	{ .name = "size_mb", .type = OPT_MB, AT(mb), .def = "null", .min = 1, .nullable = true },
	{ .name = "size_kb", .type = OPT_KB, AT(kb), .def = "1024" },
	{ .name = "timeout", .type = OPT_SECONDS, AT(seconds), .def = "null", .nullable = true },
	{ .name = "wait_ms", .type = OPT_MS, AT(ms), .def = "50", .max = 10000 },
	{ .name = "text", .type = OPT_STRING, AT(text), .def = "\"hello\"", .nullable = true },
	{ .name = "path", .type = OPT_PATH, AT(path), .def = "\"a/b.sqlite\"" },
	{ .name = "password", .type = OPT_SECRET, AT(secret), .def = "null", .nullable = true },
	{ .name = "colour", .type = OPT_ENUM, AT(colour), .def = "\"green\"", .choices = colours },
	{ .name = "list", .type = OPT_LIST, AT(list), .def = "[\"a\", \"b\"]" },
	{ .name = "deadline",
	  .type = OPT_SECONDS,
	  AT(deadline),
	  .def = "5",
	  .min = 0.001,
	  .zero_is_default = true },
	{ .name = "inner", .type = OPT_NESTED },
	{ 0 },
};

static const struct option_place place = { "c.json", "$.options", "/base", "type \"thing\"",
					   false };

/* Parses over the defaults; the text of the problem, or "" if there was none. */
static const char *parse(const char *json, struct conf *conf)
{
	static char text[1200];
	struct problems problems = { 0 };
	const struct option_set sets[] = { { specs, conf, NULL }, { 0 } };
	cJSON *object = cJSON_Parse(json);

	assert_non_null(object);
	memset(conf, 0, sizeof(*conf));
	assert_int_equal(options_default(specs, &place, conf), 0);
	int rc = options_parse(sets, object, &place, &problems);
	cJSON_Delete(object);
	assert_int_equal(rc, problems.count > 0 ? -EINVAL : 0);
	text[0] = '\0';
	for (size_t i = 0; i < problems.count; i++) {
		size_t used = strlen(text);

		if (used)
			text[used++] = '\n';
		assert_non_null(problems_text(&problems, i, text + used, sizeof(text) - used));
	}
	problems_fini(&problems);
	return text;
}

static void expect_problem(const char *json, const char *expected)
{
	struct conf conf;

	assert_string_equal(parse(json, &conf), expected);
	options_fini(specs, &conf);
}

static void defaults_go_through_the_parser(void **state)
{
	struct conf conf;

	(void)state;
	assert_string_equal(parse("{}", &conf), "");
	assert_true(conf.flag);
	assert_int_equal(conf.count, 0);
	assert_int_equal(conf.bytes, 4096);
	assert_int_equal(conf.mb, 0);
	assert_int_equal(conf.kb, 1024 * 1024);
	assert_int_equal(conf.seconds, -1);
	assert_int_equal(conf.ms, 50);
	assert_string_equal(conf.text, "hello");
	assert_string_equal(conf.path, "/base/a/b.sqlite");
	assert_null(conf.secret);
	assert_int_equal(conf.colour, 1);
	assert_string_equal(conf.list[0], "a");
	assert_string_equal(conf.list[1], "b");
	assert_null(conf.list[2]);
	options_fini(specs, &conf);
	assert_null(conf.text);
	assert_null(conf.list);
}

static void every_type_is_read(void **state)
{
	struct conf conf;

	(void)state;
	assert_string_equal(
		parse("{\"flag\": false, \"count\": 7, \"bytes\": 4294967296, \"size_mb\": 1.5,"
		      "\"size_kb\": 0.5, \"timeout\": 0.25, \"wait_ms\": 10000, \"text\": \"\","
		      "\"path\": \"/x\", \"password\": \"pw\", \"colour\": \"blue\","
		      "\"list\": [], \"inner\": {\"a\": 1}}",
		      &conf),
		"");
	assert_false(conf.flag);
	assert_int_equal(conf.count, 7);
	assert_int_equal(conf.bytes, 4294967296);
	assert_int_equal(conf.mb, 1536 * 1024);
	assert_int_equal(conf.kb, 512);
	assert_int_equal(conf.seconds, 250);
	assert_int_equal(conf.ms, 10000);
	assert_string_equal(conf.text, "");
	assert_string_equal(conf.path, "/x");
	assert_string_equal(conf.secret, "pw");
	assert_int_equal(conf.colour, 2);
	assert_null(conf.list[0]);
	options_fini(specs, &conf);
}

static void null_is_for_nullable_options(void **state)
{
	struct conf conf;

	(void)state;
	assert_string_equal(
		parse("{\"count\": null, \"size_mb\": null, \"timeout\": null, \"text\": null}",
		      &conf),
		"");
	assert_int_equal(conf.count, 0);
	assert_int_equal(conf.seconds, -1);
	assert_null(conf.text);
	options_fini(specs, &conf);
	expect_problem("{\"wait_ms\": null}",
		       "c.json: $.options.wait_ms: expected a whole number, found null; "
		       "leave it out for the default, 50");
	expect_problem("{\"flag\": null}",
		       "c.json: $.options.flag: expected true or false, found null; "
		       "leave it out for the default, true");
}

static void wrong_types_say_what_was_expected(void **state)
{
	(void)state;
	expect_problem("{\"flag\": 2}",
		       "c.json: $.options.flag: expected true or false, found a number");
	expect_problem("{\"flag\": \"maybe\"}",
		       "c.json: $.options.flag: expected true or false, found a string");
	expect_problem("{\"count\": \"7x\"}",
		       "c.json: $.options.count: expected a whole number or null, found a string");
	expect_problem("{\"bytes\": 1.5}",
		       "c.json: $.options.bytes: expected a whole number, found 1.5");
	expect_problem("{\"timeout\": true}",
		       "c.json: $.options.timeout: expected a number or null, found true");
	expect_problem("{\"text\": []}",
		       "c.json: $.options.text: expected a string or null, found an array");
	expect_problem("{\"path\": \"\"}",
		       "c.json: $.options.path: expected a path, found an empty string");
	expect_problem("{\"colour\": {}}",
		       "c.json: $.options.colour: expected a string, found an object");
	expect_problem("{\"list\": \"a\"}",
		       "c.json: $.options.list: expected an array of strings, found a string");
	expect_problem("{\"list\": [\"a\", 1]}",
		       "c.json: $.options.list: expected strings in the array, found a number");
	expect_problem(
		"{\"list\": [\"\"]}",
		"c.json: $.options.list: expected strings in the array, found an empty string");
	expect_problem("[]", "c.json: $.options: expected an object, found an array");
}

static void limits_are_named(void **state)
{
	(void)state;
	expect_problem("{\"count\": 0}", "c.json: $.options.count: 0 is out of range: at least 1");
	expect_problem("{\"bytes\": -1}",
		       "c.json: $.options.bytes: -1 is out of range: at least 0");
	expect_problem("{\"wait_ms\": 10001}",
		       "c.json: $.options.wait_ms: 10001 is out of range: from 0 to 10000");
	expect_problem("{\"timeout\": -0.5}",
		       "c.json: $.options.timeout: -0.5 is out of range: at least 0");
	expect_problem(
		"{\"bytes\": 1e30}",
		"c.json: $.options.bytes: 1e+30 is out of range: from 0 to 9007199254740992");
	expect_problem("{\"bytes\": 1e999}",
		       "c.json: $.options.bytes: inf is out of range: from 0 to 9007199254740992");
}

static void unknown_options_get_a_suggestion(void **state)
{
	(void)state;
	expect_problem("{\"wiat_ms\": 1}", "c.json: $.options.wiat_ms: unknown option of type "
					   "\"thing\"; did you mean \"wait_ms\"?");
	expect_problem("{\"zzzzzzzz\": 1}",
		       "c.json: $.options.zzzzzzzz: unknown option of type \"thing\"; known: flag, "
		       "count, bytes, "
		       "size_mb, size_kb, timeout, wait_ms, text, path, password, colour, list, "
		       "deadline, inner");
	expect_problem("{\"colour\": \"gren\"}",
		       "c.json: $.options.colour: \"gren\" is not one of red, green, "
		       "blue; did you mean \"green\"?");
}

static void a_short_time_is_not_at_once(void **state)
{
	struct conf conf;

	(void)state;
	assert_string_equal(parse("{\"timeout\": 0.0001}", &conf), "");
	assert_int_equal(conf.seconds, 1);
	options_fini(specs, &conf);
	assert_string_equal(parse("{\"timeout\": 0}", &conf), "");
	assert_int_equal(conf.seconds, 0);
	options_fini(specs, &conf);
}

static void expect_count(const char *json, uint64_t count)
{
	struct conf conf;

	assert_string_equal(parse(json, &conf), "");
	assert_int_equal(conf.count, count);
	options_fini(specs, &conf);
}

static void a_number_may_be_a_string(void **state)
{
	struct conf conf;

	(void)state;
	expect_count("{\"count\": \"7\"}", 7);
	expect_count("{\"count\": \" 1e3 \"}", 1000);
	expect_problem("{\"count\": \"0\"}",
		       "c.json: $.options.count: 0 is out of range: at least 1");
	expect_problem("{\"count\": \"1.5\"}",
		       "c.json: $.options.count: expected a whole number, found 1.5");
	static const char *const none[] = { "", " ", "0x10", "inf", "nan", "1 2", "e", "-" };
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		char text[40];
		snprintf(text, sizeof(text), "{\"wait_ms\": \"%s\"}", none[i]);
		assert_non_null(strstr(parse(text, &conf), "expected a whole number, found "));
		options_fini(specs, &conf);
	}
}

static void a_truth_may_be_a_word_or_a_number(void **state)
{
	struct conf conf;

	(void)state;
	assert_string_equal(parse("{\"flag\": \"False\"}", &conf), "");
	assert_false(conf.flag);
	options_fini(specs, &conf);
	assert_string_equal(parse("{\"flag\": 0}", &conf), "");
	assert_false(conf.flag);
	options_fini(specs, &conf);
	assert_string_equal(parse("{\"flag\": \"yes\"}", &conf), "");
	assert_true(conf.flag);
	options_fini(specs, &conf);
}

static void zero_is_the_default_of_what_has_a_deadline(void **state)
{
	struct conf conf;

	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	assert_string_equal(parse("{\"deadline\": 0}", &conf), "");
	assert_int_equal(conf.deadline, 5000);
	options_fini(specs, &conf);
	assert_string_equal(parse("{\"deadline\": \"0.0\"}", &conf), "");
	assert_int_equal(conf.deadline, 5000);
	options_fini(specs, &conf);
	log_set_level(LOG_LEVEL_INFO);
	expect_problem("{\"deadline\": -1}",
		       "c.json: $.options.deadline: -1 is out of range: at least 0.001");
}

static void what_is_no_path_is_refused(void **state)
{
	(void)state;
	expect_problem("{\"path\": \"$HOME/c.db\"}",
		       "c.json: $.options.path: variables are not replaced in a path; write the "
		       "path itself; \"~/\" is the home directory");
	expect_problem("{\"path\": \"/data/${USER}/c.db\"}",
		       "c.json: $.options.path: variables are not replaced in a path; write the "
		       "path itself; \"~/\" is the home directory");
	expect_problem("{\"path\": \"file:///c.db\"}",
		       "c.json: $.options.path: a URL is not a path; write the path alone");
	expect_problem("{\"path\": \"~nobody-at-all/c.db\"}",
		       "c.json: $.options.path: there is no user \"nobody-at-all\"; \"./~...\" is "
		       "a name that begins with a tilde");
}

static void home_is_expanded(void **state)
{
	struct conf conf;

	(void)state;
	setenv("HOME", "/home/x", 1);
	assert_string_equal(parse("{\"path\": \"~/c.db\"}", &conf), "");
	assert_string_equal(conf.path, "/home/x/c.db");
	options_fini(specs, &conf);
	assert_string_equal(parse("{\"path\": \"~\"}", &conf), "");
	assert_string_equal(conf.path, "/home/x");
	options_fini(specs, &conf);
	assert_string_equal(parse("{\"path\": \"~root/c.db\"}", &conf), "");
	assert_string_equal(conf.path, "/root/c.db");
	options_fini(specs, &conf);
	assert_string_equal(parse("{\"path\": \"./~x/a$/c.db\"}", &conf), "");
	assert_string_equal(conf.path, "/base/./~x/a$/c.db");
	options_fini(specs, &conf);
}

static void every_problem_is_told(void **state)
{
	(void)state;
	expect_problem("{\"flag\": 2, \"count\": 0, \"fla\": true, \"wait_ms\": 7, \"text\": 1}",
		       "c.json: $.options.flag: expected true or false, found a number\n"
		       "c.json: $.options.count: 0 is out of range: at least 1\n"
		       "c.json: $.options.fla: unknown option of type \"thing\"; did you mean "
		       "\"flag\"?\n"
		       "c.json: $.options.text: expected a string or null, found a number");
}

static void a_mask_is_not_taken_for_the_secret(void **state)
{
	(void)state;
	expect_problem("{\"password\": \"********\"}",
		       "c.json: $.options.password: this is what a printed configuration shows "
		       "instead of the secret; write the secret itself in its place");
}

static void many_problems_are_counted(void **state)
{
	struct problems problems = { 0 };
	char text[1200];

	(void)state;
	for (int i = 0; i < PROBLEMS_KEPT; i++)
		assert_int_equal(problems_add(&problems, NULL, NULL, "%d", i), -EINVAL);
	assert_null(problems_text(&problems, PROBLEMS_KEPT, text, sizeof(text)));
	problems_add(&problems, NULL, NULL, "lost");
	problems_add(&problems, NULL, NULL, "lost");
	assert_string_equal(problems_text(&problems, 49, text, sizeof(text)), "49");
	assert_string_equal(problems_text(&problems, 50, text, sizeof(text)), "and 2 more");
	assert_null(problems_text(&problems, 51, text, sizeof(text)));
	problems_fini(&problems);
}

/* Secrets are masked; the rest reads back as it was. */
static void json_comes_back(void **state)
{
	struct conf conf;
	cJSON *object = cJSON_CreateObject();

	(void)state;
	assert_string_equal(
		parse("{\"size_mb\": 1.5, \"timeout\": 0.25, \"password\": \"pw\"}", &conf), "");
	for (const struct option_spec *spec = specs; spec->name; spec++)
		cJSON_AddItemToObject(object, spec->name, option_to_json(spec, &conf));
	char *text = cJSON_PrintUnformatted(object);
	assert_string_equal(text,
			    "{\"flag\":true,\"count\":null,\"bytes\":4096,\"size_mb\":1.5,"
			    "\"size_kb\":1024,\"timeout\":0.25,\"wait_ms\":50,\"text\":\"hello\","
			    "\"path\":\"/base/a/b.sqlite\",\"password\":\"********\","
			    "\"colour\":\"green\",\"list\":[\"a\",\"b\"],\"deadline\":5,\"inner\":"
			    "null}");
	free(text);
	cJSON_Delete(object);
	options_fini(specs, &conf);
}

static void the_nearest_name_is_near(void **state)
{
	static const char *const names[] = { "memory", "disk", "max_entries", "ttl", NULL };

	(void)state;
	assert_string_equal(problem_nearest("max_entires", names), "max_entries");
	assert_string_equal(problem_nearest("Memory", names), "memory");
	assert_string_equal(problem_nearest("dsik", names), "disk");
	assert_string_equal(problem_nearest("tlt", names), "ttl");
	assert_null(problem_nearest("lfu", names));
	assert_null(problem_nearest("sqlite", names));
	assert_null(problem_nearest("", names));
}

static void the_first_problem_stays(void **state)
{
	struct problem problem = { 0 };
	char text[64];

	(void)state;
	assert_int_equal(problem_set(&problem, NULL, NULL, "one"), -EINVAL);
	assert_int_equal(problem_set(&problem, "place", "hint", "two"), -EINVAL);
	assert_string_equal(problem_text(&problem, text, sizeof(text)), "one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_go_through_the_parser),
		cmocka_unit_test(every_type_is_read),
		cmocka_unit_test(null_is_for_nullable_options),
		cmocka_unit_test(wrong_types_say_what_was_expected),
		cmocka_unit_test(limits_are_named),
		cmocka_unit_test(unknown_options_get_a_suggestion),
		cmocka_unit_test(a_short_time_is_not_at_once),
		cmocka_unit_test(a_number_may_be_a_string),
		cmocka_unit_test(a_truth_may_be_a_word_or_a_number),
		cmocka_unit_test(zero_is_the_default_of_what_has_a_deadline),
		cmocka_unit_test(what_is_no_path_is_refused),
		cmocka_unit_test(home_is_expanded),
		cmocka_unit_test(every_problem_is_told),
		cmocka_unit_test(a_mask_is_not_taken_for_the_secret),
		cmocka_unit_test(many_problems_are_counted),
		cmocka_unit_test(json_comes_back),
		cmocka_unit_test(the_nearest_name_is_near),
		cmocka_unit_test(the_first_problem_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
