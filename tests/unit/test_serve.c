/* SPDX-License-Identifier: BSD-3-Clause */
/* test_serve.c - who gets an I/O error may end at once: by then it has been noted why. */
#include "images/service.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define MOMENT 100000 /* microseconds */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t began;
	int notes;
	bool is_noted;
	int early; /* answers that came before */
	int answers[3];
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER, .began = PTHREAD_COND_INITIALIZER };

/* Not libfuse's. */
void *fuse_req_userdata(fuse_req_t req)
{
	return req;
}

int fuse_reply_err(fuse_req_t req, int error)
{
	(void)req;
	pthread_mutex_lock(&seen.lock);
	if (error == EIO && !seen.is_noted)
		seen.early++;
	seen.answers[error == EIO ? 0 : error == ENOMEM ? 1 : 2]++;
	pthread_mutex_unlock(&seen.lock);
	return 0;
}

/* Takes its time, as where its thread has no CPU. */
static void note(void)
{
	pthread_mutex_lock(&seen.lock);
	seen.notes++;
	pthread_cond_broadcast(&seen.began);
	pthread_mutex_unlock(&seen.lock);
	(void)usleep(MOMENT);
	pthread_mutex_lock(&seen.lock);
	seen.is_noted = true;
	pthread_mutex_unlock(&seen.lock);
}

static void *fail_request(void *service)
{
	service_reply_error((fuse_req_t)service, EIO);
	return NULL;
}

static void damage_is_noted_before_anybody_hears_of_it(void **state)
{
	static struct service made = { .server.damaged = note, .noted = PTHREAD_ONCE_INIT };
	const fuse_req_t req = (fuse_req_t)(void *)&made;
	pthread_t threads[3];

	(void)state;
	service_reply_error(req, ENOMEM);
	assert_int_equal(seen.notes, 0);
	assert_int_equal(pthread_create(&threads[0], NULL, fail_request, &made), 0);
	pthread_mutex_lock(&seen.lock);
	while (seen.notes == 0)
		pthread_cond_wait(&seen.began, &seen.lock);
	pthread_mutex_unlock(&seen.lock);
	for (int i = 1; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, fail_request, &made), 0);
	/* what is no damage does not wait */
	service_reply_error(req, ENOMEM);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(seen.notes, 1);
	assert_int_equal(seen.early, 0);
	assert_int_equal(seen.answers[0], 3);
	assert_int_equal(seen.answers[1], 2);
	assert_int_equal(seen.answers[2], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damage_is_noted_before_anybody_hears_of_it),
	};

	return cmocka_run_group_tests_name("serve", tests, NULL, NULL);
}
