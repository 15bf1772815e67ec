#ifndef CACHEFS_REQUEST_COUNTS_H
#define CACHEFS_REQUEST_COUNTS_H

/*
 * The counters of the request loop. The loop writes them without a lock while others read them. A
 * request is counted by its opcode when it has been read; an unknown opcode counts as 0.
 */

#include <stdatomic.h>
#include <stdint.h>

enum { REQUEST_OPCODES = 64 };

struct request_counts {
	_Atomic(uint64_t) by_opcode[REQUEST_OPCODES];
	_Atomic(uint64_t) handovers; /* so far */
	_Atomic(unsigned) threads;   /* that serve, now */
	_Atomic(unsigned) waiting;   /* handlers, now */
};

/* The counters as plain numbers; each is read by itself. */
struct request_numbers {
	uint64_t by_opcode[REQUEST_OPCODES];
	uint64_t all; /* their sum */
	uint64_t handovers;
	unsigned threads, waiting;
};

void request_counts_add(struct request_counts *counts, uint32_t opcode);
void request_counts_read(const struct request_counts *counts, struct request_numbers *numbers);

/* The name of a FUSE request ("LOOKUP"); NULL: the opcode is unknown. */
const char *request_name(uint32_t opcode);

#endif
