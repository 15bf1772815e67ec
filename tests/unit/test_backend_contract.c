/* Runs the cases of contract.h over every backend in the registry, and over backend_dir.c; an
 * argument filters by name. */
#include "contract.h"

#include <stdio.h>

#include "base/lock.h"
#include "registry.h"

enum { TESTS_MAX = 1024 };

struct test {
	const struct backend *backend;
	const struct contract_case *contract_case;
	char name[128];
	struct fixture *fixture;
};

static int set_up(void **state)
{
	struct test *test = *state;

	test->fixture = fixture_new(test->backend);
	return test->fixture ? 0 : -1;
}

static int tear_down(void **state)
{
	struct test *test = *state;

	fixture_free(test->fixture);
	return 0;
}

static void run_case(void **state)
{
	struct test *test = *state;

	test->contract_case->run(test->fixture);
	assert_true(lock_none_held());
}

struct suite {
	struct test tests[TESTS_MAX];
	struct CMUnitTest units[TESTS_MAX];
	size_t count;
};

extern const struct backend backend_dir; /* of plain files, made from the headers alone */

static void suite_add_cases(struct suite *s, const struct backend *backend,
			    const struct contract_case *cases)
{
	for (const struct contract_case *c = cases; c->name && s->count < TESTS_MAX; c++) {
		struct test *t = &s->tests[s->count];
		*t = (struct test){ .backend = backend, .contract_case = c };
		snprintf(t->name, sizeof(t->name), "%s: %s", backend->type, c->name);
		s->units[s->count] = (struct CMUnitTest){ t->name, run_case, set_up, tear_down, t };
		s->count++;
	}
}

static void suite_add(struct suite *s, const struct backend *backend)
{
	suite_add_cases(s, backend, contract_entries);
	suite_add_cases(s, backend, contract_dirs);
	suite_add_cases(s, backend, contract_life);
}

int main(int argc, char **argv)
{
	static struct suite s;

	for (size_t i = 0; backend_at(i); i++)
		if (!backend_at(i)->forgets) /* it keeps none of these promises: test_noop */
			suite_add(&s, backend_at(i));
	suite_add(&s, &backend_dir);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return _cmocka_run_group_tests("backend contract", s.units, s.count, NULL, NULL);
}
