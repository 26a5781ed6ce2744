/*
 * view/timeline.c
 *		olist_etl.timeline(): when each attempt of a run's tasks was executed.
 *
 * One bar an attempt on a common axis of time: the wait since the attempt before
 * it failed, the wait for a worker, the work. Read with the rights of the caller.
 */
#include "postgres.h"

#include "view/render.h"

#include "asl/datum.h"
#include "base/spi.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(olist_etl_timeline);

/* more attempts are only counted */
#define MAX_BARS 2000

/* the terminal's columns */
#define NAME_COLUMNS 26
#define BAR_COLUMNS 42
#define TIME_COLUMNS 11

/* the picture's pixels */
#define ROW_HEIGHT 20
#define NAME_WIDTH 220
#define AXIS_WIDTH 760
#define TIME_WIDTH 110
#define TOP 62

typedef struct Bar
{
	char *name;
	OlistShown shown;
	TimestampTz failed_before; /* end of the attempt before, or scheduled */
	TimestampTz scheduled;
	TimestampTz started;
	TimestampTz ended;
} Bar;

typedef struct Timeline
{
	char *title;
	TimestampTz from;
	TimestampTz to;
	Bar *bars;
	int count;
	int64 total;
} Timeline;

/* ---------- reading ---------- */

static TimestampTz
column_time(uint64 row, int column, TimestampTz fallback)
{
	bool isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? fallback : DatumGetTimestampTz(value);
}

static char *
column_text(uint64 row, int column)
{
	bool isnull;
	int len;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? NULL : olist_json_datum_text(value, &len);
}

static OlistShown
shown_status(const char *status)
{
	if (strcmp(status, "SUCCEEDED") == 0)
		return OLIST_SHOWN_SUCCEEDED;
	if (strcmp(status, "RUNNING") == 0)
		return OLIST_SHOWN_RUNNING;
	return strcmp(status, "ABORTED") == 0 ? OLIST_SHOWN_CANCELLED : OLIST_SHOWN_FAILED;
}

static void
read_run(Timeline *timeline, int64 run_id)
{
	OlistSpiArg args[1] = {OLIST_SPI_INT8(run_id)};
	TimestampTz now = GetCurrentTimestamp();

	if (olist_spi_execute("SELECT r.started_at, r.ended_at, r.workflow, r.status"
						  " FROM olist_etl.run r"
						  " WHERE r.run_id = $1",
						  SPI_OK_SELECT, 1, args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no run " INT64_FORMAT, run_id),
				 errhint("SELECT run_id FROM olist_etl.run shows those that you may see.")));
	timeline->from = column_time(0, 1, now);
	timeline->to = Max(column_time(0, 2, now), timeline->from + 1);
	timeline->title =
		psprintf("%s, run " INT64_FORMAT ": %s, %s", column_text(0, 3), run_id, column_text(0, 4),
				 olist_layout_duration(timeline->from, timeline->to));
}

static void
read_bars(Timeline *timeline, int64 run_id)
{
	OlistSpiArg args[2] = {OLIST_SPI_INT8(run_id), OLIST_SPI_INT4(MAX_BARS)};
	uint64 count = olist_spi_execute(
		"SELECT t.state || CASE WHEN t.several THEN '[' || t.item || ']' ELSE '' END,"
		"       t.status, t.scheduled_at, t.started_at, t.ended_at,"
		"       CASE WHEN t.attempt > 0 THEN t.previous END,"
		"       t.total"
		" FROM (SELECT t.*,"
		"              pg_catalog.lag(t.ended_at) OVER (PARTITION BY t.state, t.scope, t.item"
		"                                               ORDER BY t.task_id) AS previous,"
		"              pg_catalog.min(t.item) OVER state < pg_catalog.max(t.item) OVER state"
		"                  AS several,"
		"              pg_catalog.count(*) OVER () AS total"
		"       FROM olist_etl.task t"
		"       WHERE t.run_id = $1"
		"       WINDOW state AS (PARTITION BY t.state)) t"
		" ORDER BY t.task_id"
		" LIMIT $2",
		SPI_OK_SELECT, 2, args);
	bool isnull;

	timeline->bars = palloc(Max(count, 1) * sizeof(Bar));
	timeline->count = (int) count;
	for (uint64 i = 0; i < count; i++)
	{
		Bar *bar = &timeline->bars[i];

		bar->name = column_text(i, 1);
		bar->shown = shown_status(column_text(i, 2));
		bar->scheduled = column_time(i, 3, timeline->to);
		bar->ended = column_time(i, 5, timeline->to);
		bar->started = column_time(i, 4, bar->ended);
		bar->failed_before = Min(column_time(i, 6, bar->scheduled), bar->scheduled);
	}
	if (count > 0)
		timeline->total =
			DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 7, &isnull));
}

/* ---------- drawing ---------- */

/* where a time stands on an axis of so many steps */
static int
place_of(const Timeline *timeline, TimestampTz time, int steps)
{
	double part = (double) (time - timeline->from) / (double) (timeline->to - timeline->from);

	return (int) (Max(0.0, Min(1.0, part)) * steps + 0.5);
}

static void
append_bar(StringInfo buf, const Timeline *timeline, const Bar *bar)
{
	char cells[BAR_COLUMNS + 1];
	int failed = place_of(timeline, bar->failed_before, BAR_COLUMNS - 1);
	int scheduled = place_of(timeline, bar->scheduled, BAR_COLUMNS - 1);
	int started = place_of(timeline, bar->started, BAR_COLUMNS - 1);
	int ended = place_of(timeline, bar->ended, BAR_COLUMNS - 1);
	char work = bar->shown == OLIST_SHOWN_FAILED	  ? 'x'
				: bar->shown == OLIST_SHOWN_CANCELLED ? '/'
				: bar->shown == OLIST_SHOWN_RUNNING	  ? '>'
													  : '=';
	char *name = olist_layout_clip(bar->name, NAME_COLUMNS);

	memset(cells, ' ', BAR_COLUMNS);
	cells[BAR_COLUMNS] = '\0';
	for (int i = failed; i < scheduled; i++)
		cells[i] = '~';
	for (int i = scheduled; i < started; i++)
		cells[i] = '.';
	for (int i = started; i <= ended; i++)
		cells[i] = work;
	appendStringInfo(buf, "%s%*s %s%*s\n", name, NAME_COLUMNS - olist_layout_characters(name), "",
					 cells, TIME_COLUMNS, olist_layout_duration(bar->started, bar->ended));
}

static char *
draw_text(const Timeline *timeline)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s\n\n", olist_layout_clip(timeline->title, 80));
	for (int i = 0; i < timeline->count; i++)
		append_bar(&buf, timeline, &timeline->bars[i]);
	if (timeline->total > timeline->count)
		appendStringInfo(&buf, "... and %s more attempts\n",
						 olist_layout_count(timeline->total - timeline->count));
	appendStringInfoString(&buf, "\n= succeeded  x failed  / cancelled  > running  . waiting for a "
								 "worker  ~ back-off");
	return buf.data;
}

static void
append_rect(StringInfo buf, const Timeline *timeline, TimestampTz from, TimestampTz to, int y,
			int height, const char *style)
{
	int x = NAME_WIDTH + place_of(timeline, from, AXIS_WIDTH);
	int width = NAME_WIDTH + place_of(timeline, to, AXIS_WIDTH) - x;

	appendStringInfo(buf, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" %s/>\n", x, y,
					 Max(width, 1), height, style);
}

static void
append_axis(StringInfo buf, const Timeline *timeline, int height)
{
	for (int i = 0; i <= 4; i++)
	{
		int x = NAME_WIDTH + AXIS_WIDTH * i / 4;
		TimestampTz at = timeline->from + (timeline->to - timeline->from) * i / 4;

		appendStringInfo(buf,
						 "<path d=\"M%d %dV%d\" stroke=\"#e5e7eb\"/><text x=\"%d\" y=\"%d\" "
						 "text-anchor=\"middle\">%s</text>\n",
						 x, TOP - 8, height - 8, x, TOP - 14,
						 i == 0 ? "0" : olist_layout_duration(timeline->from, at));
	}
}

static char *
draw_svg(const Timeline *timeline)
{
	int height = TOP + timeline->count * ROW_HEIGHT + 16;
	char *title = olist_render_escape(timeline->title);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(
		&buf,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"role=\"img\">\n<title>%s</title>\n<style>text{font-family:sans-serif;"
		"font-size:11px;fill:#111827}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n"
		"<text x=\"12\" y=\"24\" style=\"font-size:16px;font-weight:bold\">%s</text>\n",
		NAME_WIDTH + AXIS_WIDTH + TIME_WIDTH, height, title, title);
	append_axis(&buf, timeline, height);
	for (int i = 0; i < timeline->count; i++)
	{
		const Bar *bar = &timeline->bars[i];
		int y = TOP + i * ROW_HEIGHT;

		appendStringInfo(&buf, "<g><title>%s: %s, %s</title>\n<text x=\"12\" y=\"%d\">%s</text>\n",
						 olist_render_escape(bar->name), olist_shown_word(bar->shown),
						 olist_layout_duration(bar->started, bar->ended), y + 11,
						 olist_render_escape(olist_layout_clip(bar->name, 32)));
		if (bar->scheduled > bar->failed_before)
			append_rect(&buf, timeline, bar->failed_before, bar->scheduled, y + 6, 2,
						"fill=\"#ea580c\"");
		if (bar->started > bar->scheduled)
			append_rect(&buf, timeline, bar->scheduled, bar->started, y + 4, 6, "fill=\"#e5e7eb\"");
		append_rect(&buf, timeline, bar->started, bar->ended, y, 14,
					psprintf("rx=\"2\" fill=\"%s\" stroke=\"%s\"", olist_render_fill(bar->shown),
							 olist_render_stroke(bar->shown)));
		appendStringInfo(&buf, "<text x=\"%d\" y=\"%d\">%s</text></g>\n",
						 NAME_WIDTH + AXIS_WIDTH + 10, y + 11,
						 olist_layout_duration(bar->started, bar->ended));
	}
	appendStringInfoString(&buf, "</svg>");
	return buf.data;
}

Datum
olist_etl_timeline(PG_FUNCTION_ARGS)
{
	int64 run_id = PG_GETARG_INT64(0);
	char *format = text_to_cstring(PG_GETARG_TEXT_PP(1));
	bool svg = strcmp(format, "svg") == 0;
	Timeline timeline = {0};
	MemoryContext context = CurrentMemoryContext;
	MemoryContext previous;
	Datum picture;
	char *text;

	if (!svg && strcmp(format, "text") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown format of a timeline"),
				 errhint("The formats are text and svg.")));
	SPI_connect();
	read_run(&timeline, run_id);
	read_bars(&timeline, run_id);
	text = svg ? draw_svg(&timeline) : draw_text(&timeline);
	previous = MemoryContextSwitchTo(context);
	picture = olist_json_text_datum(text, (int) strlen(text));
	MemoryContextSwitchTo(previous);
	SPI_finish();
	return picture;
}
