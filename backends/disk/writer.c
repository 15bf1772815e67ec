/* Group commit, and the writer thread. See disk/writer.h. */
#include "disk/writer.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "disk/amounts.h"
#include "disk/change.h"
#include "disk/range.h"
#include "disk/store.h"
#include "base/log.h"
#include "base/waiting.h"

enum {
	UPKEEP_MS = 1000,       /* between looks for something to do */
	BUSY_UPKEEP_MS = 20,    /* between its steps, while jobs keep coming */
	BUSY_PAUSE_MAX_MS = 20, /* between tries for another program's lock */
	STEP_ROWS_MOST = 256,   /* a step that is shorter for want of space grows up to this */
	KEPT_TRIES = 3,         /* to commit to files that stay */
	GRACE_MS = 1000,        /* beyond a job's deadline, for the writer to say so itself */
	REST_SHARE = 3,         /* of a step's time, for the rest after it */
	REST_MIN_MS = 1,
	REST_MAX_MS = 20,
};

/* --- jobs that are done ----------------------------------------------------------------------- */

static int result_of(const struct disk_job *job)
{
	int rc = job->failure < 0 ? job->failure : job->rc;

	assert(rc <= 0 && rc != -EAGAIN);
	return rc == -EUCLEAN || rc == -ETIMEDOUT ? -EIO : rc;
}

/* A job that has failed may have steps to undo first. */
static void jobs_finish(struct disk *d, struct disk_job *jobs)
{
	for (struct disk_job *job = jobs; job; job = job->next) {
		if (job->rc < 0 && job->file[0])
			value_files_remove(&d->values, job->file);
		job->more = job->rc == 0 ? job->more : disk_range_turn_back(job);
		job->locked_ms = atomic_load(&d->writer.locked_ms);
		if (!job->more)
			job->rc = result_of(job);
	}
	disk_queue_finish(&d->queue, jobs);
}

static void jobs_fail(struct disk *d, struct disk_job *jobs, int rc)
{
	for (struct disk_job *job = jobs; job; job = job->next)
		job->rc = rc == -EAGAIN ? -EHOSTDOWN : rc;
	jobs_finish(d, jobs);
}

/* Takes the jobs that have waited too long for the lock off the list and fails them: nothing was
 * done. What others did meanwhile is not their fault, and does not count. */
static void jobs_fail_overdue(struct disk *d, struct disk_job **jobs)
{
	int64_t locked_ms = atomic_load(&d->writer.locked_ms);
	struct disk_job *overdue = NULL;

	while (*jobs) {
		struct disk_job *job = *jobs;
		if (locked_ms - job->locked_ms < DISK_BUSY_MS) {
			jobs = &job->next;
			continue;
		}
		*jobs = job->next;
		job->next = overdue;
		overdue = job;
	}
	if (overdue)
		jobs_fail(d, overdue, -EHOSTDOWN);
}

/* --- transactions ----------------------------------------------------------------------------- */

/* -EAGAIN: another program held the lock until the last job's deadline; no job is left. */
static int begin(struct disk *d, struct disk_job **jobs, struct disk_txn *txn)
{
	int64_t since = disk_now_ms(d);
	int pause_ms = 1;

	for (;;) {
		int rc = disk_txn_begin(txn, d);
		if (rc != -EAGAIN)
			return rc;
		int64_t now = disk_now_ms(d);
		atomic_fetch_add(&d->writer.locked_ms, now - since);
		since = now;
		jobs_fail_overdue(d, jobs);
		if (!*jobs)
			return -EAGAIN;
		poll(NULL, 0, pause_ms);
		if (pause_ms < BUSY_PAUSE_MAX_MS)
			pause_ms *= 2;
	}
}

static bool job_left_traces(const struct db *db, sqlite3_int64 changes_before)
{
	return sqlite3_get_autocommit(db->handle) ||
	       sqlite3_total_changes64(db->handle) != changes_before;
}

/* One step of the job. What it returned, if the whole transaction has to be rolled back for it. */
static int run_job(struct disk_txn *txn, struct disk_job *job)
{
	struct disk *d = txn->disk;
	sqlite3_int64 before = sqlite3_total_changes64(txn->db->handle);

	job->more = false;
	job->rc = disk_change_apply(txn, job);
	if (job->rc == 0) {
		txn->changes++;
		return 0;
	}
	job->progress = job->before;
	if (job->rc == -EHOSTDOWN)
		atomic_store(&d->suspect, true);
	disk_txn_note_error(d, job->rc);
	bool all = job->rc == -EAGAIN || job->rc == -ENOSPC || job_left_traces(txn->db, before);
	return all ? job->rc : 0;
}

/*
 * Runs the jobs in the transaction that has begun and commits. A job may fail and leave the others
 * alone as long as it changed nothing. Otherwise everything is rolled back, and false returned with
 * the error in `rc` of every job.
 */
static bool run_jobs(struct disk_txn *txn, struct disk_job *jobs)
{
	struct disk *d = txn->disk;
	bool adds = false;
	int rc = 0;

	for (struct disk_job *job = jobs; job; job = job->next)
		job->before = job->progress;
	for (struct disk_job *job = jobs; job && rc == 0; job = job->next) {
		rc = run_job(txn, job);
		adds |= disk_job_adds(job);
	}
	if (rc == 0 && adds)
		rc = disk_space_keep(d);
	rc = disk_txn_end(txn, rc);
	if (rc == 0) /* there may be room for longer steps again */
		d->fewer_rows = 2 * d->fewer_rows % STEP_ROWS_MOST;
	for (struct disk_job *job = rc < 0 ? jobs : NULL; job; job = job->next) {
		job->rc = rc == -EAGAIN ? -EHOSTDOWN : rc;
		job->progress = job->before;
	}
	return rc == 0;
}

/*
 * Before the jobs are done, for whoever set something may look at once. The WAL is a part of the
 * limit, so it is cut back too.
 */
static void account(struct disk *d)
{
	if (!atomic_load(&d->up))
		return;
	if (d->conf->size_limit > 0 && disk_wal_is_due(d))
		disk_wal_checkpoint(d);
	disk_wal_cut(d);
	disk_amounts_measure(d);
}

/*
 * What was committed to a file that is not there any more, or could not be committed because one is
 * not, is done once more when the files are as they should be. False: see run_jobs(). Jobs that are
 * finished already are taken off.
 */
static bool run_kept(struct disk_txn *txn, struct disk_job **jobs)
{
	struct disk *d = txn->disk;
	int rc = 0;

	for (int i = 0; i < KEPT_TRIES && rc == 0; i++) {
		bool done = run_jobs(txn, *jobs);
		enum db_trouble trouble = db_files_look(&d->connection.files);
		if (trouble == DB_FINE)
			return done;
		bool kept = done && trouble != DB_GONE && d->connection.files.found == DB_FINE;
		bool up = disk_connection_check(d);
		if (up && kept && !d->connection.lost)
			return true;
		for (struct disk_job *job = *jobs; job; job = job->next)
			job->progress = job->before;
		rc = up ? begin(d, jobs, txn) : -EHOSTDOWN;
	}
	if (rc == 0) /* it goes as soon as it is there */
		disk_txn_end(txn, -ECANCELED);
	jobs_fail(d, *jobs, rc < 0 ? rc : -EHOSTDOWN);
	*jobs = NULL;
	return true;
}

/* One job; on a full file system again and again, as long as something is gained for it. */
static void run_one(struct disk *d, struct disk_job *job)
{
	struct disk_relief relief = { 0 };
	struct disk_txn txn;

	do {
		int rc = begin(d, &job, &txn);
		if (rc < 0) {
			jobs_fail(d, job, rc);
			return;
		}
		run_kept(&txn, &job);
		if (!job)
			return;
	} while (job->rc == -ENOSPC && disk_space_relieve(d, &relief, job));
	if (disk_job_adds(job))
		free_space_settled(&d->space.policy, job->rc != -ENOSPC);
	account(d);
	jobs_finish(d, job);
}

/* After a transaction that one of its jobs spoiled: each for itself. */
static void run_one_by_one(struct disk *d, struct disk_job *jobs)
{
	for (struct disk_job *job = jobs, *next; job; job = next) {
		next = job->next;
		job->next = NULL;
		run_one(d, job);
	}
}

static bool any_sync(const struct disk_job *jobs)
{
	while (jobs && jobs->kind != DISK_JOB_SYNC)
		jobs = jobs->next;
	return jobs;
}

static void run_batch(struct disk *d, struct disk_job *jobs)
{
	struct db *db = disk_db(d);
	bool sync = any_sync(jobs);
	struct disk_txn txn;
	int rc = 0;

	assert(jobs && !d->txn);
	disk_wal_make_room(d, jobs);
	if (sync) /* this commit waits for the disk, and with it all that came before it in the WAL
		   */
		rc = db_exec(db, "PRAGMA synchronous = FULL");
	if (rc == 0)
		rc = begin(d, &jobs, &txn);
	if (rc < 0) {
		if (rc == -EHOSTDOWN)
			atomic_store(&d->suspect, true);
		jobs_fail(d, jobs, rc);
	} else if (run_kept(&txn, &jobs) || jobs->rc == -ETIMEDOUT ||
		   (!jobs->next && jobs->rc != -ENOSPC)) {
		account(d);
		jobs_finish(d, jobs);
	} else {
		run_one_by_one(d, jobs);
	}
	if (sync)
		db_exec(db, "PRAGMA synchronous = NORMAL");
}

/* --- submitting ------------------------------------------------------------------------------- */

/* The caller's own transaction. False: somebody else is at it, or the thread has to look first. */
static bool run_alone(struct disk *d, struct disk_job *job)
{
	if (!disk_queue_own(&d->queue))
		return false;
	bool current = disk_connection_is_current(d);
	if (current) {
		job->next = NULL;
		run_batch(d, job);
	}
	disk_queue_disown(&d->queue, current && disk_wal_is_due(d));
	return current;
}

int disk_writer_submit(struct disk *d, struct disk_job *job)
{
	assert(lock_none_held());
	if (!atomic_load(&d->up) || disk_txn_is_cut(d))
		return -EHOSTDOWN;
	waiting_begin();
	job->locked_ms = atomic_load(&d->writer.locked_ms);
	job->log_bytes = disk_wal_bytes_of(d, job);
	disk_queue_enter(job);
	disk_queue_leave(&d->queue, job, run_alone(d, job), DISK_BUSY_MS + GRACE_MS);
	return job->rc;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void upkeep(struct disk *d, bool had_jobs)
{
	struct disk_writer *w = &d->writer;
	int64_t now = disk_now_ms(d);

	if (now >= w->upkeep_ms) {
		bool more = disk_upkeep_step(d);
		more |= disk_space_upkeep(d);
		w->upkeep_ms = now + (!more ? UPKEEP_MS : had_jobs ? BUSY_UPKEEP_MS : 0);
	}
	if (!had_jobs)
		disk_wal_checkpoint(d);
	account(d);
}

/* Before the next step of a job that goes on. */
static void rest(struct disk *d, int64_t begun_ms)
{
	int64_t now = disk_now_ms(d);
	int64_t rest_ms = (now - begun_ms) / REST_SHARE;

	rest_ms = rest_ms < REST_MIN_MS   ? REST_MIN_MS
		  : rest_ms > REST_MAX_MS ? REST_MAX_MS
					  : rest_ms;
	disk_queue_rest(&d->queue, now + rest_ms);
}

/* What the thread does when it is the owner. */
static void take_turn(struct disk *d, const struct disk_turn *turn)
{
	struct disk_writer *w = &d->writer;
	int64_t begun_ms = disk_now_ms(d);
	bool had_jobs = turn->jobs; /* they are gone when they are done */

	if (turn->nudged)
		w->upkeep_ms = 0;
	if (!disk_connection_check(d)) {
		jobs_fail(d, turn->jobs, -EHOSTDOWN);
		w->upkeep_ms = disk_now_ms(d) + UPKEEP_MS;
		return;
	}
	if (disk_wal_is_due(d))
		disk_wal_checkpoint(d);
	if (had_jobs)
		run_batch(d, turn->jobs);
	if (turn->goes_on)
		rest(d, begun_ms);
	upkeep(d, had_jobs);
}

static void *writer_run(void *self)
{
	struct disk *d = self;
	struct disk_turn turn = { .stop = false };

	disk_queue_own_after(&d->queue);
	disk_queue_disown(&d->queue, false);
	while (!turn.stop) {
		uint64_t log_bytes = d->conf->size_limit > 0 ? d->wal.bytes / 2 : UINT64_MAX;
		turn = disk_queue_take(&d->queue, d->writer.upkeep_ms, log_bytes);
		bool had_jobs = turn.jobs;
		take_turn(d, &turn);
		if (!turn.stop)
			disk_queue_disown(&d->queue, disk_wal_is_due(d) && had_jobs);
	}
	while (atomic_load(&d->up) && disk_hits_count(&d->hits) > 0 && disk_upkeep_step(d))
		;
	return NULL;
}

void disk_writer_ending(struct disk *d)
{
	int64_t now = disk_now_ms(d);

	atomic_store(&d->connection.guard.ending_ms, now);
	atomic_store(&d->readers.guard.ending_ms, now);
}

int disk_writer_start(struct disk *d)
{
	struct disk_writer *w = &d->writer;

	db_files_init(&d->connection.files, d->conf->path, false);
	d->limit.convert_due = d->conf->vacuum_on_start;
	d->connection.guard.time = d->env->time;
	disk_queue_init(&d->queue, d->env->time, &d->connection.guard.life);
	disk_connection_open(d);
	int rc = pthread_create(&w->thread, NULL, writer_run, d);
	if (rc == 0)
		return 0;
	disk_connection_close(d);
	disk_queue_fini(&d->queue);
	return -rc;
}

void disk_writer_stop(struct disk *d)
{
	disk_queue_stop(&d->queue);
	pthread_join(d->writer.thread, NULL);
	disk_queue_own_after(&d->queue);
	disk_connection_close(d);
	disk_queue_fini(&d->queue);
}
