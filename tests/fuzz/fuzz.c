/* The mutator and its loop: see fuzz.h. */
#include "fuzz.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SIZE_MAX_MUTATED = 16 * 1024,
	CHANGES_MAX = 6,    /* of one input */
	LEAKS_EVERY = 4096, /* inputs between two looks for leaks */
};

/* Present in sanitizer builds only. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* ---- numbers: splitmix64 ---- */

struct random {
	uint64_t state;
};

static uint64_t next(struct random *r)
{
	uint64_t z = r->state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* From 0 to below the limit; 0 for a limit of 0. */
static size_t below(struct random *r, size_t limit)
{
	return limit ? (size_t)(next(r) % limit) : 0;
}

/* ---- an input and its changes ---- */

struct input {
	size_t size;
	uint8_t bytes[SIZE_MAX_MUTATED];
};

/* bytes may lie in the input itself. */
static void insert(struct input *in, size_t at, const void *bytes, size_t size)
{
	static uint8_t copy[SIZE_MAX_MUTATED];

	if (size > SIZE_MAX_MUTATED - in->size)
		size = SIZE_MAX_MUTATED - in->size;
	memcpy(copy, bytes, size);
	memmove(in->bytes + at + size, in->bytes + at, in->size - at);
	memcpy(in->bytes + at, copy, size);
	in->size += size;
}

static void cut(struct input *in, size_t at, size_t size)
{
	memmove(in->bytes + at, in->bytes + at + size, in->size - at - size);
	in->size -= size;
}

static void change_byte(struct input *in, struct random *r)
{
	if (in->size == 0)
		return;
	uint8_t *byte = &in->bytes[below(r, in->size)];
	if (next(r) & 1)
		*byte ^= (uint8_t)(1u << below(r, 8));
	else
		*byte = (uint8_t)next(r);
}

static void cut_range(struct input *in, struct random *r)
{
	size_t at = below(r, in->size);

	cut(in, at, below(r, in->size - at < 40 ? in->size - at + 1 : 40));
}

static void truncate_end(struct input *in, struct random *r)
{
	in->size = below(r, in->size + 1);
}

static void copy_range(struct input *in, struct random *r)
{
	size_t from = below(r, in->size), size = below(r, in->size - from + 1);
	size_t times = 1 + (below(r, 8) == 0 ? below(r, 40) : 0);

	for (; times > 0; times--)
		insert(in, below(r, in->size + 1), in->bytes + from, size);
}

/* The same bytes again and again: deep nesting, long names. */
static void repeat_byte(struct input *in, struct random *r)
{
	size_t at = below(r, in->size + 1), size = below(r, 3000);
	uint8_t run[3000];

	memset(run, at < in->size ? in->bytes[at] : (int)(next(r) & 0xFF), size);
	insert(in, at, run, size);
}

static void insert_word(struct input *in, const char *const *words, struct random *r)
{
	size_t count = 0;

	while (words[count])
		count++;
	const char *word = words[below(r, count)];
	size_t at = below(r, in->size + 1);
	if (next(r) & 1) /* in place of what is there */
		cut(in, at, in->size - at < strlen(word) ? in->size - at : strlen(word));
	insert(in, at, word, strlen(word));
}

static void insert_number(struct input *in, struct random *r)
{
	static const char *const numbers[] = {
		"0",      "-1",  "1e999",     "-0.0", "9007199254740993", "18446744073709551616",
		"1e-320", "0.5", "2147483648"
	};
	const char *number = numbers[below(r, sizeof(numbers) / sizeof(numbers[0]))];

	insert(in, below(r, in->size + 1), number, strlen(number));
}

static void splice(struct input *in, const struct fuzz_seed *other, struct random *r)
{
	size_t from = below(r, other->size), size = below(r, other->size - from + 1);

	insert(in, below(r, in->size + 1), (const uint8_t *)other->bytes + from, size);
}

static const struct fuzz_seed *any_seed(const struct fuzz_target *target, struct random *r)
{
	size_t count = 0;

	while (target->seeds[count].bytes)
		count++;
	return &target->seeds[below(r, count)];
}

static void change(struct input *in, const struct fuzz_target *target, struct random *r)
{
	switch (below(r, 9)) {
	case 0:
	case 1:
		change_byte(in, r);
		break;
	case 2:
		cut_range(in, r);
		break;
	case 3:
		copy_range(in, r);
		break;
	case 4:
	case 5:
		insert_word(in, target->words, r);
		break;
	case 6:
		insert_number(in, r);
		break;
	case 7:
		splice(in, any_seed(target, r), r);
		break;
	default:
		if (below(r, 4) == 0)
			repeat_byte(in, r);
		else if (below(r, 4) == 0)
			truncate_end(in, r);
		break;
	}
}

static void make_input(struct input *in, const struct fuzz_target *target, uint64_t number)
{
	struct random r = { number * UINT64_C(0xD1342543DE82EF95) };

	in->size = 0;
	const struct fuzz_seed *seed = any_seed(target, &r);
	insert(in, 0, seed->bytes, seed->size);
	for (size_t changes = 1 + below(&r, CHANGES_MAX); changes > 0; changes--)
		change(in, target, &r);
}

/* ---- the loop ---- */

static char failure_text[200]; /* what a failure says of the input being run */

static void tell_failure(void)
{
	if (write(STDERR_FILENO, failure_text, strlen(failure_text)) < 0)
		return;
}

static void on_signal(int number)
{
	tell_failure();
	signal(number, SIG_DFL);
	raise(number);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void look_for_leaks(const struct fuzz_target *target, uint64_t first, uint64_t last)
{
	if (!__lsan_do_recoverable_leak_check || !__lsan_do_recoverable_leak_check())
		return;
	fprintf(stderr, "fuzz %s: an input from %llu to %llu leaks\n", target->name,
		(unsigned long long)first, (unsigned long long)last);
	_exit(1);
}

static void run_one(const struct fuzz_target *target, uint64_t number, uint64_t count)
{
	static struct input in;

	snprintf(failure_text, sizeof(failure_text),
		 "fuzz %s: input %llu fails; alone: FUZZ_FIRST=%llu FUZZ_COUNT=1\n", target->name,
		 (unsigned long long)number, (unsigned long long)number);
	make_input(&in, target, number);
	if (count == 1)
		fwrite(in.bytes, 1, in.size, stdout);
	fflush(stdout);
	uint8_t *bytes = malloc(in.size ? in.size : 1);
	if (!bytes)
		abort();
	memcpy(bytes, in.bytes, in.size);
	target->run(bytes, in.size);
	free(bytes);
}

int fuzz_main(const struct fuzz_target *target)
{
	uint64_t first = from_environment("FUZZ_FIRST", 1);
	uint64_t count = from_environment("FUZZ_COUNT", getenv("LONG") ? 1000000 : 20000);
	uint64_t looked = first;

	signal(SIGABRT, on_signal);
	if (__sanitizer_set_death_callback) {
		__sanitizer_set_death_callback(tell_failure);
	} else {
		signal(SIGSEGV, on_signal);
		signal(SIGBUS, on_signal);
		signal(SIGFPE, on_signal);
	}
	for (const struct fuzz_seed *seed = target->seeds; seed->bytes; seed++) {
		snprintf(failure_text, sizeof(failure_text), "fuzz %s: seed %td fails unspoilt\n",
			 target->name, seed - target->seeds);
		target->run(seed->bytes, seed->size);
	}
	for (uint64_t i = first; i < first + count; i++) {
		run_one(target, i, count);
		if (i - looked + 1 < LEAKS_EVERY && i + 1 < first + count)
			continue;
		look_for_leaks(target, looked, i);
		looked = i + 1;
	}
	printf("fuzz %s: %llu inputs\n", target->name, (unsigned long long)count);
	return 0;
}
