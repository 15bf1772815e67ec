#!/bin/bash
# The suite over every layer that is alone, or twice.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/suite.sh"

test_memory() { suite memory; }
test_lfu() { suite lfu; }
test_ttl() { suite ttl; }
test_disk() { suite disk; }
test_file() { suite file; }
test_redis() { suite redis; }
test_two_memories() { long_suite two_memories; }

run_tests
