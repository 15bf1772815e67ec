/* Bytes as base64. See file/base64.h. */
#include "file/base64.h"

#include <stdint.h>

size_t base64_size(size_t size)
{
	return (size + 2) / 3 * 4;
}

char *base64_write(char *to, const void *bytes, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = bytes;

	for (size_t i = 0; i < size; i += 3) {
		size_t have = size - i < 3 ? size - i : 3;
		uint32_t bits = (uint32_t)p[i] << 16;
		bits |= have > 1 ? (uint32_t)p[i + 1] << 8 : 0;
		bits |= have > 2 ? (uint32_t)p[i + 2] : 0;
		*to++ = digits[bits >> 18];
		*to++ = digits[bits >> 12 & 63];
		*to++ = have > 1 ? digits[bits >> 6 & 63] : '=';
		*to++ = have > 2 ? digits[bits & 63] : '=';
	}
	return to;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_read(char *bytes, size_t size, size_t *out)
{
	uint8_t *to = (uint8_t *)bytes;
	size_t padding = 0;

	if (size % 4 != 0)
		return false;
	while (padding < 2 && padding < size && bytes[size - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < size; i += 4) {
		uint32_t bits = 0;
		for (size_t j = 0; j < 4; j++) {
			bool pad = i + j >= size - padding;
			int digit = pad ? 0 : base64_digit(bytes[i + j]);
			if (digit < 0)
				return false;
			bits = bits << 6 | (uint32_t)digit;
		}
		*to++ = (uint8_t)(bits >> 16);
		*to++ = (uint8_t)(bits >> 8);
		*to++ = (uint8_t)bits;
	}
	*out = (size_t)(to - (uint8_t *)bytes) - padding;
	return true;
}
