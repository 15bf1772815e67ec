/* Cases: prefixes, listings and directories. */
#include "contract.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- prefixes --------------------------------------------------------------------------------- */

/* What a pattern language would take for below "a<c>" and is not. */
static const char *const bystanders[] = {
	"a", "ax", "ax/k", "axx/k", "a/k", "ab", "A/k", "a0", "a!", "b/a/k",
};

enum { BYSTANDERS = sizeof(bystanders) / sizeof(bystanders[0]) };

static void put_below(struct fixture *f, const char *dir)
{
	char key[64];

	for (size_t i = 0; i < BYSTANDERS; i++)
		put(f, bystanders[i], bystanders[i]);
	snprintf(key, sizeof(key), "%s/k", dir);
	put(f, key, "k");
	snprintf(key, sizeof(key), "%s/sub/k", dir);
	put(f, key, "sub");
	snprintf(key, sizeof(key), "%s0", dir);
	put(f, key, "0");
	snprintf(key, sizeof(key), "%s.", dir);
	put(f, key, ".");
}

static void expect_below(struct fixture *f, const char *dir, bool present)
{
	char key[64];

	snprintf(key, sizeof(key), "%s/k", dir);
	present ? expect(f, key, "k") : expect_miss(f, key);
	snprintf(key, sizeof(key), "%s/sub/k", dir);
	present ? expect(f, key, "sub") : expect_miss(f, key);
	assert_true(dir_exists(f, dir) == present);
}

static void expect_bystanders(struct fixture *f, const char *dir)
{
	char key[64];

	for (size_t i = 0; i < BYSTANDERS; i++)
		expect(f, bystanders[i], bystanders[i]);
	snprintf(key, sizeof(key), "%s0", dir);
	expect(f, key, "0");
	snprintf(key, sizeof(key), "%s.", dir);
	expect(f, key, ".");
}

static const char *const odd_dirs[] = {
	"a%", "a_", "a*", "a?", "a[", "a\\", "a[b-x]", "a\x01", "a\xff", "%", "_%",
};

enum { ODD_DIRS = sizeof(odd_dirs) / sizeof(odd_dirs[0]) };

static void rename_dir(struct fixture *f, const char *from, const char *to)
{
	assert_int_equal(f->backend->rename_prefix(f->state, key_of(from), key_of(to)), 0);
}

static void prefixes_are_matched_bytewise(struct fixture *f)
{
	for (size_t i = 0; i < ODD_DIRS; i++) {
		const char *dir = odd_dirs[i];
		put_below(f, dir);
		make_dir(f, dir);
		rename_dir(f, dir, "moved/to");
		expect_below(f, dir, false);
		expect_below(f, "moved/to", true);
		rename_dir(f, "moved/to", dir);
		expect_below(f, dir, true);
		expect_bystanders(f, dir);
		clear_dir(f, key_of(dir));
		expect_below(f, dir, false);
		expect_bystanders(f, dir);
		assert_int_equal(f->backend->remove_prefix(f->state, KEY_ROOT), 0);
		assert_string_equal(names_in(f, ""), "");
	}
}

static void a_large_prefix_goes_whole(struct fixture *f)
{
	char key[64];

	for (int i = 0; i < 700; i++) {
		snprintf(key, sizeof(key), "d/%d/%d", i % 7, i);
		put(f, key, "v");
	}
	put(f, "e", "v");
	rename_dir(f, "d", "c");
	assert_string_equal(names_in(f, ""), "c/ e");
	assert_string_equal(names_in(f, "c"), "0/ 1/ 2/ 3/ 4/ 5/ 6/");
	expect(f, "c/6/699", "v");
	assert_int_equal(f->backend->remove_prefix(f->state, key_of("c/")), 0);
	assert_string_equal(names_in(f, ""), "e");
}

static void rename_prefix_makes_no_key_too_long(struct fixture *f)
{
	char key[KEY_MAX + 1] = "", longer[301];

	memset(longer, 'l', 300);
	longer[100] = longer[200] = '/';
	longer[300] = '\0';
	for (size_t i = 0; i < KEY_MAX; i++)
		key[i] = i == 1 || i % 200 == 199 ? '/' : 'd';
	key[KEY_MAX] = '\0';
	put(f, "d/a", "short");
	put(f, key, "long");
	int rc = f->backend->rename_prefix(f->state, key_of("d"), key_of(longer));
	assert_int_equal(rc, -ENAMETOOLONG);
	expect(f, "d/a", "short");
	expect(f, key, "long");
}

/* --- listing ---------------------------------------------------------------------------------- */

static void children_come_in_key_order(struct fixture *f)
{
	static const char *const keys[] = {
		"d/a/x",      "d/a!",   "d/a.b", "d/a0",  "d/a",  "d/Z", "d/z/y/x/w", "d/z/y/b",
		"d/\xc3\xa4", "d/\xff", "d/-/1", "d/-/2", "d/-a", "d0",  "c",         "d/%/x",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		put(f, keys[i], "v");
	make_dir(f, "");
	make_dir(f, "d");
	make_dir(f, "d/a");
	make_dir(f, "d/m");
	make_dir(f, "d/m/n");
	make_dir(f, "d/a-");
	assert_string_equal(names_in(f, "d"), "%/ -/ -a Z a a! a-/ a.b a/ a0 m/ z/ \xc3\xa4 \xff");
	assert_string_equal(names_in(f, ""), "c d/ d0");
	assert_string_equal(names_in(f, "d/z"), "y/");
	assert_string_equal(names_in(f, "d/z/y"), "b x/");
	assert_string_equal(names_in(f, "d/m"), "n/");
	assert_string_equal(names_in(f, "absent"), "");
}

/* The i-th child of the large directory in listing order: every tenth a directory. */
static void large_name(char *name, size_t size, int i)
{
	snprintf(name, size, "%04d%s", i, i % 10 ? "" : "d");
}

static void make_large(struct fixture *f, int children, int below)
{
	char name[32], key[128];

	for (int i = 0; i < children; i++) {
		large_name(name, sizeof(name), i);
		for (int j = 0; i % 10 == 0 && j < below; j++) {
			snprintf(key, sizeof(key), "big/%s/%d/x", name, j);
			put(f, key, "v");
		}
		snprintf(key, sizeof(key), "big/%s", name);
		if (i % 10)
			put(f, key, "v");
	}
}

static void a_large_directory_lists_in_parts(struct fixture *f)
{
	enum { CHILDREN = 2 * CHILDREN_MAX + 64 };
	struct children *batch = calloc(1, sizeof(*batch));
	char last[32] = "", name[32], key[64];
	int seen = 0;

	make_large(f, CHILDREN, 25);
	do {
		bool last_is_dir = seen > 0 && (seen - 1) % 10 == 0;
		list_after(f, "big", last, last_is_dir, batch);
		for (size_t i = 0; i < batch->count; i++, seen++) {
			struct child *c = &batch->items[i];
			large_name(name, sizeof(name), seen);
			assert_true(key_equal(c->name, key_of(name)));
			assert_true(c->is_dir == (seen % 10 == 0));
			assert_int_equal(c->meta.size, c->is_dir ? 0 : 1);
			assert_int_equal(c->meta.mode, c->is_dir ? 0 : S_IFREG | 0644);
		}
		/* The place stays valid when what marked it goes. */
		snprintf(key, sizeof(key), "big/%s", name);
		if ((seen - 1) % 10)
			assert_int_equal(f->backend->remove(f->state, key_of(key)), 0);
		else
			clear_dir(f, key_of(key));
		memcpy(last, name, strlen(name) + 1);
	} while (!batch->end);
	assert_int_equal(seen, CHILDREN);
	children_fini(batch);
	free(batch);
}

static void a_listing_resumes_anywhere(struct fixture *f)
{
	static const struct {
		const char *after;
		bool is_dir;
		const char *next;
	} cases[] = {
		{ "", false, "a" },   { "a", false, "a!" }, { "a!", false, "a" },
		{ "a", true, "b" },   { "aa", false, "b" }, { "A", true, "a" },
		{ "b", false, NULL }, { "zz", true, NULL },
	};
	struct children *batch = calloc(1, sizeof(*batch));

	put(f, "a", "1");
	put(f, "a!", "2");
	put(f, "a/b", "3");
	put(f, "b", "4");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		list_after(f, "", cases[i].after, cases[i].is_dir, batch);
		assert_true(batch->end);
		assert_true((batch->count > 0) == (cases[i].next != NULL));
		if (cases[i].next)
			assert_true(key_equal(batch->items[0].name, key_of(cases[i].next)));
	}
	children_fini(batch);
	free(batch);
}

/* --- keys that no path can spell -------------------------------------------------------------- */

static const char *const unspellable[] = {
	"/",     "/a",  "//a/b", "//a/c", "d",   "d/",    "d//",  "d//k",
	"d//k/", "d/.", "d/./k", "d/..",  "d/a", "d/a/b", "d/a/", "d/../../k",
};

enum { UNSPELLABLE = sizeof(unspellable) / sizeof(unspellable[0]) };

static void keys_that_no_path_can_spell_are_listed(struct fixture *f)
{
	struct children *batch = calloc(1, sizeof(*batch));

	for (size_t i = 0; i < UNSPELLABLE; i++)
		put(f, unspellable[i], unspellable[i]);
	for (size_t i = 0; i < UNSPELLABLE; i++)
		expect(f, unspellable[i], unspellable[i]);
	assert_string_equal(names_in(f, ""), "/ //a/ /a d d/");
	assert_string_equal(names_in(f, "//a"), "b c");
	assert_string_equal(names_in(f, "d"), ". .. ../ ./ / a a/");
	assert_string_equal(names_in(f, "d/"), "k k/");
	assert_string_equal(names_in(f, "d//k"), "");
	assert_true(dir_exists(f, "d/") && dir_exists(f, "d/..") && dir_exists(f, "//a"));
	assert_false(dir_exists(f, "/a") || dir_exists(f, "d//"));
	list_after(f, "d", "", false, batch); /* an empty name is no text */
	assert_int_equal(batch->count, 8);
	assert_true(batch->items[0].name.size == 0 && !batch->items[0].is_dir);
	list_after(f, "d", "", true, batch);
	assert_int_equal(batch->count, 2);
	assert_true(key_equal(batch->items[0].name, key_of("a")) && !batch->items[0].is_dir);
	make_dir(f, "d/");
	make_dir(f, "d");
	assert_string_equal(names_in(f, "d"), ". .. ../ ./ / a a/");
	children_fini(batch);
	free(batch);
}

static void keys_that_no_path_can_spell_are_changed_like_others(struct fixture *f)
{
	char longer[301] = "d/";

	memset(longer + 2, 'l', 298);
	for (size_t i = 0; i < UNSPELLABLE; i++)
		put(f, unspellable[i], unspellable[i]);
	put(f, longer, "longer");
	put_bytes(f, key_make("d/\0n\0", 5), "nul", 3);
	expect_bytes(f, key_make("d/\0n\0", 5), "nul", 3);
	expect_miss_key(f, key_make("d/\0n", 4));
	assert_int_equal(f->backend->rename(f->state, key_of("d/a/"), key_of("d/..")), 0);
	expect(f, "d/..", "d/a/");
	assert_int_equal(f->backend->remove(f->state, key_of("d//k")), 0);
	expect(f, "d//k/", "d//k/");
	rename_dir(f, "d/a", "d/b");
	expect(f, "d/a", "d/a");
	expect(f, "d/b/b", "d/a/b");
	assert_int_equal(f->backend->remove_prefix(f->state, key_of("d//")), 0);
	expect_miss(f, "d//");
	expect_miss(f, "d//k/");
	expect(f, "d/", "d/");
	assert_int_equal(f->backend->remove_prefix(f->state, key_of("d/")), 0);
	expect_miss(f, "d/");
	expect_miss(f, longer);
	expect_miss_key(f, key_make("d/\0n\0", 5));
	assert_string_equal(names_in(f, ""), "/ //a/ /a d");
	assert_int_equal(f->backend->remove_prefix(f->state, key_of("//a/")), 0);
	assert_int_equal(f->backend->remove_prefix(f->state, KEY_ROOT), 0);
	assert_string_equal(names_in(f, ""), "");
}

/* --- directories ------------------------------------------------------------------------------ */

static void a_marker_keeps_an_empty_directory(struct fixture *f)
{
	struct value *nothing = value_copy("", 0);
	struct meta meta = full_meta(nothing), got = { 0 };
	struct layer_usage usage = { 0 };

	meta.mode = S_IFDIR | 01770;
	meta.size = meta.version = meta.checksum = meta.hits = 0;
	meta.created_ms = 0;
	meta.own = meta.copy = end_none();
	assert_int_equal(f->backend->dir_set(f->state, key_of("d"), &meta), 0);
	make_dir(f, "d/e");
	make_dir(f, "d.e");
	assert_int_equal(f->backend->dir_stat(f->state, key_of("d"), &got), 0);
	expect_meta(&got, &meta);
	meta_fini(&got);
	assert_string_equal(names_in(f, ""), "d.e/ d/");
	assert_string_equal(names_in(f, "d"), "e/");
	expect_miss(f, "d");
	f->backend->usage(f->state, &usage);
	assert_int_equal(usage.entries, 0);

	put(f, "d/k", "v");
	rename_dir(f, "d", "n");
	assert_false(dir_exists(f, "d"));
	assert_int_equal(f->backend->dir_stat(f->state, key_of("n"), &got), 0);
	expect_meta(&got, &meta);
	meta_fini(&got);
	assert_string_equal(names_in(f, "n"), "e/ k");
	assert_int_equal(f->backend->dir_remove(f->state, key_of("n")), 0);
	assert_true(dir_exists(f, "n"));
	assert_int_equal(f->backend->remove_prefix(f->state, key_of("n/")), 0);
	assert_false(dir_exists(f, "n"));
	assert_false(dir_exists(f, "n/e"));
	assert_string_equal(names_in(f, ""), "d.e/");
	meta_fini(&meta);
	value_unref(nothing);
}

static void a_directory_without_marker_goes_with_its_last_key(struct fixture *f)
{
	struct meta meta = { .mode = 1 };

	put(f, "d/e/k", "v");
	put(f, "d0", "v");
	assert_true(dir_exists(f, "d") && dir_exists(f, "d/e"));
	assert_false(dir_exists(f, "d/e/k"));
	assert_false(dir_exists(f, "d0"));
	assert_int_equal(f->backend->dir_stat(f->state, key_of("d"), &meta), 0);
	assert_int_equal(meta.mode, 0);
	meta_fini(&meta);
	assert_int_equal(f->backend->dir_remove(f->state, key_of("d")), -ENOENT);
	assert_int_equal(f->backend->remove(f->state, key_of("d/e/k")), 0);
	assert_false(dir_exists(f, "d") || dir_exists(f, "d/e"));
	assert_string_equal(names_in(f, ""), "d0");
}

static int remove_prefix(struct fixture *f, const char *prefix)
{
	return f->backend->remove_prefix(f->state, key_of(prefix));
}

static void a_prefix_need_not_be_a_directory(struct fixture *f)
{
	static const char *const keys[] = { "p:",   "p:a",   "p:b/c", "p:b/c/d",  "p",
					    "p;",   "q/p:a", "d/pre", "d/prefix", "d/pre/x",
					    "d/pr", "d/q",   "dpre" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		put(f, keys[i], "v");
	make_dir(f, "p:dir");
	make_dir(f, "p:dir/sub");
	make_dir(f, "d/pre");
	make_dir(f, "d/p");
	assert_int_equal(remove_prefix(f, "p:"), 0);
	assert_string_equal(names_in(f, ""), "d/ dpre p p; q/");
	assert_false(dir_exists(f, "p:dir") || dir_exists(f, "p:dir/sub") || dir_exists(f, "p:b"));
	expect(f, "q/p:a", "v");
	assert_int_equal(remove_prefix(f, "p:"), -ENOENT);
	assert_int_equal(remove_prefix(f, "d/pre"), 0);
	assert_string_equal(names_in(f, "d"), "p/ pr q");
	assert_int_equal(remove_prefix(f, "d/pr"), 0);
	assert_string_equal(names_in(f, "d"), "p/ q");
	assert_int_equal(remove_prefix(f, "d/pr"), -ENOENT);
	assert_int_equal(remove_prefix(f, "d/p"), 0); /* the marker alone */
	assert_string_equal(names_in(f, "d"), "q");
	expect(f, "dpre", "v");
	expect_miss(f, "p:");
	expect(f, "p", "v");
}

static void every_byte_of_a_prefix_is_ordinary(struct fixture *f)
{
	static const char *const keys[] = {
		"100%_x", "100%ax",      "1000",        "a*b",      "axb",   "[x]y",
		"xy",     "caf\303\251", "caf\303\266", "cafe",     "b\\c",  "bc",
		"A*b",    "\376",        "\377",        "\377\377", "\377a", "caf\303\377",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		put(f, keys[i], "v");
	put_bytes(f, key_make("nul\0a", 5), "v", 1);
	put_bytes(f, key_make("nul\1a", 5), "v", 1);
	assert_int_equal(remove_prefix(f, "100%_"), 0);
	assert_int_equal(remove_prefix(f, "a*"), 0);
	assert_int_equal(remove_prefix(f, "a?"), -ENOENT);
	assert_int_equal(remove_prefix(f, "[x"), 0);
	assert_int_equal(remove_prefix(f, "b\\"), 0);
	assert_int_equal(remove_prefix(f, "caf\303"), 0);
	assert_int_equal(remove_prefix(f, "\377"), 0);
	assert_int_equal(f->backend->remove_prefix(f->state, key_make("nul\0", 4)), 0);
	assert_int_equal(f->backend->remove_prefix(f->state, key_make("nul\0", 4)), -ENOENT);
	expect_bytes(f, key_make("nul\1a", 5), "v", 1);
	assert_int_equal(f->backend->remove(f->state, key_make("nul\1a", 5)), 0);
	assert_string_equal(names_in(f, ""), "100%ax 1000 A*b axb bc cafe xy \376");
}

static void the_root_has_a_marker_too(struct fixture *f)
{
	make_dir(f, "");
	make_dir(f, "d");
	assert_true(dir_exists(f, ""));
	assert_string_equal(names_in(f, ""), "d/");
	assert_int_equal(f->backend->remove_prefix(f->state, KEY_ROOT), 0);
	assert_string_equal(names_in(f, ""), "");
}

const struct contract_case contract_dirs[] = {
	CONTRACT_CASE(prefixes_are_matched_bytewise),
	CONTRACT_CASE(a_large_prefix_goes_whole),
	CONTRACT_CASE(a_prefix_need_not_be_a_directory),
	CONTRACT_CASE(every_byte_of_a_prefix_is_ordinary),
	CONTRACT_CASE(rename_prefix_makes_no_key_too_long),
	CONTRACT_CASE(children_come_in_key_order),
	CONTRACT_CASE(a_large_directory_lists_in_parts),
	CONTRACT_CASE(a_listing_resumes_anywhere),
	CONTRACT_CASE(keys_that_no_path_can_spell_are_listed),
	CONTRACT_CASE(keys_that_no_path_can_spell_are_changed_like_others),
	CONTRACT_CASE(a_marker_keeps_an_empty_directory),
	CONTRACT_CASE(a_directory_without_marker_goes_with_its_last_key),
	CONTRACT_CASE(the_root_has_a_marker_too),
	{ 0 },
};
