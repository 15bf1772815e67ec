/* Problems as sentences for people. See problem.h. */
#include "base/problem.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_COMPARED = 63 }; /* longer words are near to nothing */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

__attribute__((format(printf, 4, 0))) static void fill(struct problem *p, const char *place,
						       const char *hint, const char *message,
						       va_list args)
{
	snprintf(p->place, sizeof(p->place), "%s", place ? place : "");
	snprintf(p->hint, sizeof(p->hint), "%s", hint ? hint : "");
	vsnprintf(p->message, sizeof(p->message), message, args);
}

int problem_set(struct problem *p, const char *place, const char *hint, const char *message, ...)
{
	va_list args;

	if (!p || p->message[0])
		return -EINVAL;
	va_start(args, message);
	fill(p, place, hint, message, args);
	va_end(args);
	return -EINVAL;
}

int problems_add(struct problems *all, const char *place, const char *hint, const char *message,
		 ...)
{
	va_list args;

	if (!all->list)
		all->list = calloc(PROBLEMS_KEPT, sizeof(*all->list));
	if (all->list && all->count < PROBLEMS_KEPT) {
		va_start(args, message);
		fill(&all->list[all->count], place, hint, message, args);
		va_end(args);
	}
	all->count++;
	return -EINVAL;
}

void problems_fini(struct problems *all)
{
	free(all->list);
	*all = (struct problems){ 0 };
}

const char *problems_text(const struct problems *all, size_t i, char *buffer, size_t size)
{
	size_t kept = all->list ? least(all->count, PROBLEMS_KEPT) : 0;

	if (i < kept)
		return problem_text(&all->list[i], buffer, size);
	if (i > kept || all->count == kept)
		return NULL;
	snprintf(buffer, size, "%s%zu %s", kept ? "and " : "", all->count - kept,
		 kept ? "more" : "problems, and no memory to tell them");
	return buffer;
}

const char *problem_text(const struct problem *p, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s%s%s%s%s", p->place, p->place[0] ? ": " : "", p->message,
		 p->hint[0] ? "; " : "", p->hint);
	/* A name may hold anything: one problem is one line, and the terminal stays as it is. */
	for (char *c = buffer; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return buffer;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Damerau-Levenshtein (neighbours swapped count once), case ignored; both at most
 * NAME_MAX_COMPARED. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t rows[3][NAME_MAX_COMPARED + 1]; /* the row being filled, and the two before it */

	for (size_t j = 0; j <= b_size; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_size; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3],
		       *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_size; j++) {
			size_t replace = above[j - 1] + (same_letter(a[i - 1], b[j - 1]) ? 0 : 1);

			row[j] = least(replace, least(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
			    same_letter(a[i - 2], b[j - 1]))
				row[j] = least(row[j], two_above[j - 2] + 1);
		}
	}
	return rows[a_size % 3][b_size];
}

const char *problem_nearest(const char *word, const char *const names[])
{
	const char *nearest = NULL;
	size_t nearest_distance = NAME_MAX_COMPARED;
	size_t word_size = strlen(word);

	if (word_size > NAME_MAX_COMPARED)
		return NULL;
	for (size_t i = 0; names[i]; i++) {
		size_t size = strlen(names[i]);

		if (size > NAME_MAX_COMPARED)
			continue;
		/* A third of the letters may be wrong: "size_limit" finds size_limit_mb, "lru" not
		 * "ttl". */
		size_t allowed = (size > word_size ? size : word_size) / 3;
		size_t d = distance(word, word_size, names[i], size);

		if (d <= (allowed ? allowed : 1) && d < nearest_distance) {
			nearest = names[i];
			nearest_distance = d;
		}
	}
	return nearest;
}
