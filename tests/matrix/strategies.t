#!/bin/bash
# The suite over stacks with write_back and write_around.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/suite.sh"

test_ttl_back_to_files() { long_suite ttl_back_to_files; }
test_redis_back() { long_suite redis_back; }
test_write_back() { suite write_back; }
test_write_back_to_files() { long_suite write_back_to_files; }
test_disk_back_to_disk() { long_suite disk_back_to_disk; }
test_redis_around() { long_suite redis_around; }
test_disk_around_disk() { long_suite disk_around_disk; }
test_write_around() { long_suite write_around; }
test_write_around_and_never() { suite write_around_and_never; }

run_tests
