/* JSON as text. See json_text.h. A stack of brackets replaces recursion, so nesting is bounded. */
#include "base/json_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { NESTING_MAX = 200 };

static bool is_space(char c, enum json_rules rules)
{
	if (rules == JSON_AS_CJSON)
		return (unsigned char)c <= ' ';
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

void json_skip_space(struct json_text *t)
{
	while (t->at < t->end && is_space(*t->at, t->rules))
		t->at++;
}

bool json_skip_char(struct json_text *t, char c)
{
	json_skip_space(t);
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

static bool skip_word(struct json_text *t, const char *word)
{
	size_t size = strlen(word);

	if ((size_t)(t->end - t->at) < size || memcmp(t->at, word, size) != 0)
		return false;
	t->at += size;
	return true;
}

static bool skip_digits(struct json_text *t)
{
	const char *start = t->at;

	while (t->at < t->end && isdigit((unsigned char)*t->at))
		t->at++;
	return t->at > start;
}

/* As strtod(3) may have read it, who took what is no number. */
static bool skip_loose_number(struct json_text *t)
{
	const char *start = t->at;

	while (t->at < t->end && *t->at && strchr("0123456789+-.eE", *t->at))
		t->at++;
	return t->at > start;
}

static bool skip_number(struct json_text *t)
{
	if (t->rules == JSON_AS_CJSON)
		return skip_loose_number(t);
	skip_word(t, "-");
	if (t->rules == JSON_AS_PYTHON && skip_word(t, "Infinity"))
		return true;
	if (!skip_word(t, "0") && !skip_digits(t))
		return false;
	if (skip_word(t, ".") && !skip_digits(t))
		return false;
	if (!skip_word(t, "e") && !skip_word(t, "E"))
		return true;
	if (!skip_word(t, "+"))
		skip_word(t, "-");
	return skip_digits(t);
}

static bool read_hex4(struct json_text *t, uint32_t *code)
{
	*code = 0;
	if (t->end - t->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		unsigned char c = (unsigned char)*t->at++;
		if (!isxdigit(c))
			return false;
		*code = *code << 4 | (uint32_t)(isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return true;
}

static char *put_utf8(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
		return to;
	}
	int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };
	*to++ = (char)(lead[more] | code >> (6 * more));
	while (more-- > 0)
		*to++ = (char)(0x80 | (code >> (6 * more) & 0x3f));
	return to;
}

/* After the backslash. *to may be NULL. */
static bool read_escape(struct json_text *t, char **to, bool *has_nul)
{
	static const char from[] = "\"\\/bfnrt", is[] = "\"\\/\b\f\n\r\t";
	uint32_t code, low;

	if (t->at == t->end)
		return false;
	char c = *t->at++;
	const char *simple = c ? strchr(from, c) : NULL;
	if (simple) {
		code = (unsigned char)is[simple - from];
	} else if (c != 'u' || !read_hex4(t, &code)) {
		return false;
	} else if (code >= 0xd800 && code < 0xdc00) { /* the first half of a pair */
		struct json_text ahead = *t;
		if (skip_word(&ahead, "\\u") && read_hex4(&ahead, &low) && low >= 0xdc00 &&
		    low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
			*t = ahead;
		}
	}
	*has_nul = *has_nul || code == 0;
	if (*to)
		*to = put_utf8(*to, code);
	return true;
}

/* The string's bytes go to `to` unless it is NULL; *to_end is where they end. */
static bool read_string(struct json_text *t, char *to, char **to_end, bool *has_nul)
{
	*has_nul = false;
	if (!json_skip_char(t, '"'))
		return false;
	while (t->at < t->end) {
		char c = *t->at++;
		if (c == '"') {
			*to_end = to;
			return true;
		}
		if ((unsigned char)c < 0x20)
			return false;
		if (c == '\\') {
			if (!read_escape(t, &to, has_nul))
				return false;
		} else if (to) {
			*to++ = c;
		}
	}
	return false;
}

static bool skip_loose_string(struct json_text *t, bool *has_nul)
{
	*has_nul = false;
	if (!json_skip_char(t, '"'))
		return false;
	while (t->at < t->end && *t->at != '"') {
		if (*t->at++ != '\\' || t->at == t->end)
			continue;
		struct json_text ahead = *t;
		*has_nul = *has_nul || skip_word(&ahead, "u0000");
		t->at++;
	}
	return json_skip_char(t, '"');
}

bool json_skip_string(struct json_text *t, bool *has_nul)
{
	char *end;

	return t->rules == JSON_AS_CJSON ? skip_loose_string(t, has_nul)
					 : read_string(t, NULL, &end, has_nul);
}

int json_read_string(struct json_text *t, char **bytes, size_t *size)
{
	struct json_text start = *t;
	bool has_nul;
	char *end;

	if (!json_skip_string(&start, &has_nul))
		return -EINVAL;
	/* Never longer than it is written. */
	char *to = malloc((size_t)(start.at - t->at) + 1);
	if (!to)
		return -ENOMEM;
	read_string(t, to, &end, &has_nul);
	*end = '\0';
	*bytes = to;
	*size = (size_t)(end - to);
	return 0;
}

/* A value that is no array or object. */
static bool skip_scalar(struct json_text *t)
{
	bool has_nul;

	json_skip_space(t);
	if (t->at == t->end)
		return false;
	switch (*t->at) {
	case '"':
		return json_skip_string(t, &has_nul);
	case 't':
		return skip_word(t, "true");
	case 'f':
		return skip_word(t, "false");
	case 'n':
		return skip_word(t, "null");
	case 'N':
	case 'I':
		return t->rules == JSON_AS_PYTHON &&
		       (skip_word(t, "NaN") || skip_word(t, "Infinity"));
	default:
		return skip_number(t);
	}
}

static bool skip_name(struct json_text *t)
{
	bool has_nul;

	return json_skip_string(t, &has_nul) && json_skip_char(t, ':');
}

bool json_skip_value(struct json_text *t)
{
	char closing[NESTING_MAX];
	int depth = 0;

	for (;;) {
		/* A value begins here. */
		bool opened = false;
		if (json_skip_char(t, '[')) {
			closing[depth++] = ']';
			opened = true;
		} else if (json_skip_char(t, '{')) {
			closing[depth++] = '}';
			opened = true;
		} else if (!skip_scalar(t)) {
			return false;
		}
		if (opened && depth == NESTING_MAX)
			return false;
		/* Until the next value begins, or the first one has ended. */
		for (; depth > 0; opened = false) {
			if (json_skip_char(t, closing[depth - 1])) {
				depth--;
				continue;
			}
			if (!opened && !json_skip_char(t, ','))
				return false;
			if (closing[depth - 1] == '}' && !skip_name(t))
				return false;
			break;
		}
		if (depth == 0)
			return true;
	}
}

bool json_is_value(const char *bytes, size_t size)
{
	struct json_text t = { bytes, bytes + size, JSON_STRICT };

	if (!json_skip_value(&t))
		return false;
	json_skip_space(&t);
	return t.at == t.end;
}

char *json_write_string(char *to, const char *bytes, size_t size)
{
	static const char hex[] = "0123456789abcdef";

	*to++ = '"';
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c == '"' || c == '\\') {
			*to++ = '\\';
			*to++ = (char)c;
		} else if (c == '\n') {
			*to++ = '\\';
			*to++ = 'n';
		} else if (c < 0x20 || c == 0x7f) {
			to = (char *)memcpy(to, "\\u00", 4) + 4;
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
		} else {
			*to++ = (char)c;
		}
	}
	*to++ = '"';
	return to;
}
