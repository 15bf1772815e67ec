/* What a layer owes: any row of changes leaves debts.c answering as a plain list would. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/debts.h"

enum { ROWS = 200, CHANGES = 300, DEBTS_MAX = 64 };

static const char *const names[] = { "a", "a/b", "a/b/c", "a/bc", "ab", "b", "b/c", "c" };
enum { NAMES = sizeof(names) / sizeof(names[0]) };

/* --- a plain list ----------------------------------------------------------------------------- */

struct plain {
	enum debt_kind kind;
	char key[16], to[16]; /* a marker's with its slash */
	int64_t id;
	bool moved;
};

static struct plain list[DEBTS_MAX];
static size_t count;
static int telling; /* of the list; -1: none */

static bool begins(const char *key, const char *prefix)
{
	return strncmp(key, prefix, strlen(prefix)) == 0;
}

/* At or below a directory. */
static bool lies_in(const char *key, const char *dir)
{
	size_t size = strlen(dir);

	return begins(key, dir) && (key[size] == '/' || key[size] == '\0');
}

static bool move_meets(const char *dir, enum debts_scope scope, const char *key)
{
	char slash[17];

	if (scope != DEBTS_OF_PREFIX)
		return lies_in(key, dir);
	strcat(strcpy(slash, dir), "/");
	return begins(slash, key) || begins(key, slash);
}

static unsigned plain_owed(enum debts_scope scope, const char *key)
{
	char marker[17] = "";
	unsigned owed = 0;

	strcpy(marker, key);
	if (scope == DEBTS_OF_DIR)
		strcat(marker, "/");
	for (size_t i = 0; i < count; i++) {
		const struct plain *p = &list[i];
		bool from = p->kind == DEBT_MOVE && move_meets(p->key, scope, key);
		bool to = p->kind == DEBT_MOVE && move_meets(p->to, scope, key);
		bool own = scope == DEBTS_OF_PREFIX ? begins(p->key, marker)
						    : strcmp(p->key, marker) == 0;
		owed |= from ? OWES_FOLLOWING : 0;
		owed |= !p->moved && (from || to) ? OWES_MOVE : 0;
		if (p->kind == DEBT_PREFIX && begins(marker, p->key))
			owed |= OWES_CLEARING;
		if (own && p->kind == DEBT_KEY && scope != DEBTS_OF_DIR)
			owed |= OWES_REMOVAL;
		if (own && p->kind == DEBT_PREFIX && scope == DEBTS_OF_PREFIX)
			owed |= OWES_REMOVAL;
		if (own && p->kind == DEBT_MARKER && scope != DEBTS_OF_KEY)
			owed |= OWES_MARKER;
	}
	return owed;
}

static int plain_find(enum debt_kind kind, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].kind == kind && strcmp(list[i].key, key) == 0)
			return (int)i;
	return -1;
}

static void plain_add(enum debt_kind kind, const char *key)
{
	bool clearing = telling >= 0 && list[telling].kind == DEBT_PREFIX;

	for (size_t i = 0; i < count && !clearing; i++)
		if (list[i].kind == DEBT_PREFIX && begins(key, list[i].key) &&
		    (strlen(list[i].key) < strlen(key) || kind == DEBT_MARKER))
			return;
	if (plain_find(kind, key) >= 0)
		return;
	list[count] = (struct plain){ .kind = kind };
	strcpy(list[count++].key, key);
}

static void plain_take(size_t i)
{
	memmove(&list[i], &list[i + 1], (--count - i) * sizeof(list[0]));
	telling -= telling > (int)i;
}

static void plain_forget(enum debt_kind kind, const char *key)
{
	for (size_t i = count; i-- > 0;)
		if (list[i].kind != DEBT_MOVE && (int)i != telling &&
		    (kind == DEBT_PREFIX ? begins(list[i].key, key)
					 : list[i].kind == kind && strcmp(list[i].key, key) == 0))
			plain_take(i);
}

/* --- both ------------------------------------------------------------------------------------- */

static struct debts *d;
static struct debt told;
static int64_t last_id;

static struct key any_key(void)
{
	return key_of(names[rand() % NAMES]);
}

/* As the list has it: of a prefix without a slash, or a directory's; of a marker. */
static const char *text_of(struct key key, enum debt_kind kind)
{
	static char text[16];

	memset(text, 0, sizeof(text));
	memcpy(text, key.bytes, key.size);
	if (kind == DEBT_MARKER)
		text[key.size] = '/';
	return text;
}

static void add_or_forget(bool add)
{
	static char prefix[16];
	enum debt_kind kind = DEBT_KEY + (enum debt_kind)(rand() % 3);
	struct key key = any_key();

	if (kind == DEBT_PREFIX && rand() % 2) {
		memset(prefix, 0, sizeof(prefix));
		memcpy(prefix, key.bytes, key.size);
		prefix[key.size] = '/';
		key = key_of(prefix);
	}
	if (add && count < DEBTS_MAX - 1) {
		assert_int_equal(debts_add(d, key, kind), -ENOTSUP);
		plain_add(kind, text_of(key, kind));
	} else if (!add) {
		assert_int_equal(debts_forget(d, key, kind), 0);
		plain_forget(kind, text_of(key, kind));
	}
}

static void add_move(void)
{
	struct key from = any_key(), to = any_key();

	if (count >= DEBTS_MAX - 1)
		return;
	assert_int_equal(debts_add_move(d, ++last_id, from, to, true), 0);
	list[count] = (struct plain){ .kind = DEBT_MOVE, .id = last_id, .moved = true };
	strcpy(list[count].key, text_of(from, DEBT_MOVE));
	strcpy(list[count++].to, text_of(to, DEBT_MOVE));
}

static void begin_or_end(void)
{
	if (telling >= 0) {
		bool done = rand() % 2;
		int ended = telling;
		assert_int_equal(debts_end(d, &told, done), 0);
		telling = -1;
		if (done)
			plain_take((size_t)ended);
		return;
	}
	for (size_t i = 0; i < count && telling < 0; i++) {
		if (list[i].kind == DEBT_MOVE)
			continue;
		size_t size = strlen(list[i].key) - (list[i].kind == DEBT_MARKER);
		told = (struct debt){ .kind = list[i].kind, .key.size = size };
		memcpy(told.key.bytes, list[i].key, size);
		assert_int_equal(debts_begin(d, &told), 0);
		telling = (int)i;
	}
}

static void expect_alike(void)
{
	static const enum debts_scope scopes[] = { DEBTS_OF_KEY, DEBTS_OF_DIR, DEBTS_OF_PREFIX };

	assert_int_equal(debts_count(d), count);
	for (size_t i = 0; i < NAMES; i++)
		for (size_t j = 0; j < 3; j++)
			assert_int_equal(debts_owed(d, scopes[j], key_of(names[i])),
					 plain_owed(scopes[j], names[i]));
}

static void any_row_of_changes_answers_as_a_list_would(void **state)
{
	(void)state;
	for (unsigned row = 0; row < ROWS; row++) {
		srand(row);
		d = debts_new();
		assert_non_null(d);
		count = 0;
		telling = -1;
		for (int i = 0; i < CHANGES; i++) {
			int what = rand() % 16;
			if (what == 0)
				add_move();
			else if (what < 4)
				begin_or_end();
			else
				add_or_forget(what < 11);
			expect_alike();
		}
		debts_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_row_of_changes_answers_as_a_list_would),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
