/* Tests whether bytes are text. See text.h. */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

/* The bytes of the UTF-8 sequence at p, or 0 if it is none: overlong, a surrogate, too large, cut
 * off. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
	size_t size = p[0] < 0x80   ? 1
		      : p[0] < 0xc2 ? 0
		      : p[0] < 0xe0 ? 2
		      : p[0] < 0xf0 ? 3
		      : p[0] < 0xf5 ? 4
				    : 0;

	if (size == 0 || size > left)
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return size;
}

bool text_is_utf8(const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	size_t i = 0;

	while (i < size) {
		uint64_t word;
		if (size - i >= sizeof(word)) {
			memcpy(&word, p + i, sizeof(word));
			if ((word & 0x8080808080808080u) == 0) {
				i += sizeof(word);
				continue;
			}
		}
		size_t step = utf8_sequence(p + i, size - i);
		if (step == 0)
			return false;
		i += step;
	}
	return true;
}

bool text_is_plain(const void *bytes, size_t size)
{
	return size == 0 || (!memchr(bytes, 0, size) && text_is_utf8(bytes, size));
}
