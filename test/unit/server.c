/*
 * unit/server.c
 *		What stands in for the server when a room's code runs outside of it.
 *
 * Inside the server the sanitizers do not work: it manages its own memory and
 * leaves frames by longjmp. Here every palloc is a malloc of its own, so that
 * a byte read or written beside it is seen, and what a context forgets to free
 * is a leak. Errors jump to the handler that UNIT_RAISES sets.
 */
#include "postgres.h"

#include "server.h"

#include <time.h>

#include "base/limit.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/*
 * What differs between versions: 16 takes the kind of the failure out of
 * ExceptionalCondition(), and lets appendBinaryStringInfo() take any bytes.
 */
#if PG_VERSION_NUM >= 160000
#define CONDITION_ARGUMENTS const char *condition, const char *file, int line
#define BYTES const void
#else
#define CONDITION_ARGUMENTS const char *condition, const char *error, const char *file, int line
#define BYTES const char
#endif

/* a piece of memory, in the list of its context */
typedef struct Chunk
{
	struct Chunk *next;
	struct Chunk **link; /* what points to this one */
	Size size;
	Size padding; /* keeps data aligned to 16 bytes */
	char data[FLEXIBLE_ARRAY_MEMBER];
} Chunk;

typedef struct Context
{
	MemoryContextData base; /* parent, firstchild, nextchild, reset_cbs are used */
	Chunk *chunks;
} Context;

int unit_sqlerrcode;
char unit_message[1024];
sigjmp_buf *unit_handler;
int unit_warnings;

static Context top_context;
MemoryContext TopMemoryContext = &top_context.base;
MemoryContext CurrentMemoryContext = &top_context.base;
MemoryContext ErrorContext = &top_context.base;
volatile sig_atomic_t InterruptPending = false;

static int raising; /* elevel of the report that is being made */

void
ProcessInterrupts(void)
{
}

void
check_stack_depth(void)
{
}

void
ExceptionalCondition(CONDITION_ARGUMENTS)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, condition);
	abort();
}

/* memory */

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	Context *owner = (Context *) context;
	Chunk *chunk = malloc(sizeof(Chunk) + size);

	Assert(chunk != NULL && size <= MaxAllocSize);
	chunk->size = size;
	chunk->next = owner->chunks;
	chunk->link = &owner->chunks;
	if (chunk->next != NULL)
		chunk->next->link = &chunk->next;
	owner->chunks = chunk;
	return chunk->data;
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return memset(MemoryContextAlloc(context, size), 0, size);
}

void *
palloc(Size size)
{
	return MemoryContextAlloc(CurrentMemoryContext, size);
}

void *
palloc0(Size size)
{
	return MemoryContextAllocZero(CurrentMemoryContext, size);
}

void
pfree(void *pointer)
{
	Chunk *chunk = (Chunk *) ((char *) pointer - offsetof(Chunk, data));

	*chunk->link = chunk->next;
	if (chunk->next != NULL)
		chunk->next->link = chunk->link;
	free(chunk);
}

void *
repalloc(void *pointer, Size size)
{
	Chunk *chunk = (Chunk *) ((char *) pointer - offsetof(Chunk, data));
	void *moved = palloc(size);

	memcpy(moved, pointer, Min(size, chunk->size));
	pfree(pointer);
	return moved;
}

char *
pnstrdup(const char *in, Size len)
{
	char *copy = palloc(strnlen(in, len) + 1);

	copy[strnlen(in, len)] = '\0';
	return memcpy(copy, in, strnlen(in, len));
}

char *
pstrdup(const char *in)
{
	return pnstrdup(in, strlen(in));
}

char *
MemoryContextStrdup(MemoryContext context, const char *text)
{
	size_t len = strlen(text) + 1;

	return memcpy(MemoryContextAlloc(context, len), text, len);
}

static void
unlink_context(MemoryContext context)
{
	MemoryContext *link = &context->parent->firstchild;

	while (*link != context)
		link = &(*link)->nextchild;
	*link = context->nextchild;
}

static void
link_context(MemoryContext context, MemoryContext parent)
{
	context->parent = parent;
	context->nextchild = parent->firstchild;
	parent->firstchild = context;
}

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size min, Size init, Size max)
{
	Context *context = calloc(1, sizeof(Context));

	context->base.name = name;
	link_context(&context->base, parent);
	return &context->base;
}

void
MemoryContextSetParent(MemoryContext context, MemoryContext parent)
{
	unlink_context(context);
	link_context(context, parent);
}

void
MemoryContextRegisterResetCallback(MemoryContext context, MemoryContextCallback *callback)
{
	callback->next = context->reset_cbs;
	context->reset_cbs = callback;
}

/* as the server does it: children first, then callbacks, then memory */
void
MemoryContextReset(MemoryContext context)
{
	Context *owner = (Context *) context;

	while (context->firstchild != NULL)
		MemoryContextDelete(context->firstchild);
	while (context->reset_cbs != NULL)
	{
		MemoryContextCallback *callback = context->reset_cbs;

		context->reset_cbs = callback->next;
		callback->func(callback->arg);
	}
	while (owner->chunks != NULL)
		pfree(owner->chunks->data);
}

void
MemoryContextDelete(MemoryContext context)
{
	MemoryContextReset(context);
	unlink_context(context);
	free(context);
}

/* strings */

void
initStringInfo(StringInfo str)
{
	str->maxlen = 1024;
	str->data = palloc(str->maxlen);
	str->data[0] = '\0';
	str->len = str->cursor = 0;
}

void
appendBinaryStringInfo(StringInfo str, BYTES *data, int len)
{
	if (str->len + len + 1 > str->maxlen)
	{
		str->maxlen = (str->len + len + 1) * 2;
		str->data = repalloc(str->data, str->maxlen);
	}
	memcpy(str->data + str->len, data, len);
	str->len += len;
	str->data[str->len] = '\0';
}

void
appendStringInfoChar(StringInfo str, char c)
{
	appendBinaryStringInfo(str, &c, 1);
}

void
appendStringInfoString(StringInfo str, const char *s)
{
	appendBinaryStringInfo(str, s, strlen(s));
}

void
appendStringInfo(StringInfo str, const char *format, ...)
{
	char text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	appendStringInfoString(str, text);
}

char *
psprintf(const char *format, ...)
{
	char text[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return pstrdup(text);
}

/* lists */

static List *
new_list(const ListCell *cells, int length, int room)
{
	List *list = palloc(offsetof(List, initial_elements));

	list->type = T_List;
	list->length = length;
	list->max_length = room;
	list->elements = palloc(sizeof(ListCell) * room);
	if (length > 0)
		memcpy(list->elements, cells, sizeof(ListCell) * length);
	return list;
}

List *
list_make1_impl(NodeTag t, ListCell datum1)
{
	return new_list(&datum1, 1, 1);
}

List *
lappend(List *list, void *datum)
{
	if (list == NIL)
		list = new_list(NULL, 0, 1);
	else if (list->length == list->max_length)
	{
		list->max_length *= 2;
		list->elements = repalloc(list->elements, sizeof(ListCell) * list->max_length);
	}
	list->elements[list->length++].ptr_value = datum;
	return list;
}

List *
list_copy(const List *oldlist)
{
	return oldlist == NIL ? NIL : new_list(oldlist->elements, oldlist->length, oldlist->length);
}

void
list_sort(List *list, list_sort_comparator cmp)
{
	if (list != NIL)
		qsort(list->elements, list->length, sizeof(ListCell),
			  (int (*)(const void *, const void *)) cmp);
}

/* more of memory */

void *
MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	return MemoryContextAlloc(context, size);
}

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return MemoryContextAlloc(context, size);
}

/* errors */

bool
errstart(int elevel, const char *domain)
{
	raising = elevel;
	if (elevel >= ERROR)
		unit_sqlerrcode = ERRCODE_INTERNAL_ERROR;
	else
		unit_warnings++;
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

int
errcode(int sqlerrcode)
{
	if (raising >= ERROR)
		unit_sqlerrcode = sqlerrcode;
	return 0;
}

int
errmsg(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(unit_message, sizeof(unit_message), format, args);
	va_end(args);
	return 0;
}

int errmsg_internal(const char *format, ...) __attribute__((alias("errmsg")));

int
errdetail(const char *format, ...)
{
	return 0;
}

int
errhint(const char *format, ...)
{
	return 0;
}

void
errfinish(const char *file, int line, const char *function)
{
	if (raising < ERROR)
		return;
	if (unit_handler == NULL)
	{
		fprintf(stderr, "unexpected error: %s\n", unit_message);
		abort();
	}
	siglongjmp(*unit_handler, 1);
}

/* settings; the two are called from 16 on */

void *
guc_malloc(int elevel, size_t size)
{
	return malloc(size);
}

void
guc_free(void *pointer)
{
	free(pointer);
}

int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

bool
olist_limit_check(const char *name, int newval, GucSource source)
{
	return true;
}

void
DefineCustomIntVariable(const char *name, const char *short_desc, const char *long_desc, int *value,
						int boot, int min, int max, GucContext context, int flags,
						GucIntCheckHook check, GucIntAssignHook assign, GucShowHook show)
{
	*value = boot;
}

/* dates and times, as far as conversions need them */

const int day_tab[2][13] = {{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0},
							{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0}};
pg_tz *session_timezone = NULL;

int
date2j(int year, int month, int day)
{
	return (year * 12 + month) * 31 + day;
}

int
DetermineTimeZoneOffset(struct pg_tm *tm, pg_tz *zone)
{
	return 0;
}

TimestampTz
time_t_to_timestamptz(pg_time_t tm)
{
	return (tm - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY) * USECS_PER_SEC;
}

int
tm2timestamp(struct pg_tm *tm, fsec_t fsec, int *tzp, Timestamp *result)
{
	struct tm here = {.tm_year = tm->tm_year - 1900,
					  .tm_mon = tm->tm_mon - 1,
					  .tm_mday = tm->tm_mday,
					  .tm_hour = tm->tm_hour,
					  .tm_min = tm->tm_min,
					  .tm_sec = tm->tm_sec};

	*result = time_t_to_timestamptz(timegm(&here)) + fsec;
	return 0;
}
