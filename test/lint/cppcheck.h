/*
 * What cppcheck has to know of the server's macros, since it does not read the
 * server's headers: which calls do not return, and what is a loop.
 */
#define PG_VERSION_NUM 150000
#define INT64_FORMAT "%ld"
#define UINT64_FORMAT "%lu"
#define ERROR 21
#define ereport(level, rest) do { if ((level) >= ERROR) abort(); (void) (rest); } while (0)
#define elog(level, ...) ereport(level, (__VA_ARGS__))
#define foreach(cell, list) for ((cell) = list_head(list); (cell) != NULL; (cell) = lnext(list, cell))
#define foreach_ptr(type, item, list) for (type *item = list; item != NULL; item = NULL)
#define forboth(cell1, list1, cell2, list2) \
	for ((cell1) = list_head(list1), (cell2) = list_head(list2); (cell1) != NULL; (cell1) = lnext(list1, cell1))
#define dlist_foreach(iter, list) for ((iter).cur = (list)->head.next; (iter).cur != NULL; (iter).cur = (iter).cur->next)
#define dlist_foreach_modify(iter, list) dlist_foreach(iter, list)
#define PG_FUNCTION_INFO_V1(name)
#define PG_MODULE_MAGIC
#define pg_noreturn __attribute__((noreturn))
#define pg_attribute_noreturn() __attribute__((noreturn))
#define pg_attribute_printf(format, arguments)
