/*
 * view/graph.c
 *		olist_etl.graph(): the picture of a workflow, a run or a simulation.
 *
 *		definition ──► machine ──► layout ──► (measures of a run) ──► text, mermaid, dot, svg
 *
 * Everything is read with the rights of the caller.
 */
#include "postgres.h"

#include "view/measure.h"
#include "view/render.h"

#include "asl/datum.h"
#include "asl/validate.h"
#include "base/spi.h"
#include "base/suggest.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(olist_etl_graph_workflow);
PG_FUNCTION_INFO_V1(olist_etl_graph_run);
PG_FUNCTION_INFO_V1(olist_etl_graph_definition);

typedef char *(*Renderer)(const OlistLayout *layout);

static Renderer
find_renderer(Datum format)
{
	static const struct
	{
		const char *name;
		Renderer render;
	} formats[] = {{"text", olist_render_text},
				   {"mermaid", olist_render_mermaid},
				   {"dot", olist_render_dot},
				   {"svg", olist_render_svg}};
	char *name = text_to_cstring(DatumGetTextPP(format));

	for (size_t i = 0; i < lengthof(formats); i++)
	{
		if (strcmp(formats[i].name, name) == 0)
			return formats[i].render;
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown format of a picture"),
					errhint("The formats are text, mermaid, dot and svg.")));
}

/* the layout of a definition, as long as it is sound States Language in JSONPath */
static OlistLayout *
lay_out(const OlistJson *definition, const char *title)
{
	olist_validate_or_raise(olist_validate(definition, OLIST_RESOURCES_ANY));
	return olist_layout_create(olist_definition_build(definition), title);
}

static Datum
draw(OlistLayout *layout, Renderer render)
{
	char *picture;

	olist_layout_place(layout);
	picture = render(layout);
	return olist_json_text_datum(picture, (int) strlen(picture));
}

/* of a json value, with the events of a simulation of it or NULL */
Datum
olist_etl_graph_definition(PG_FUNCTION_ARGS)
{
	Renderer render;
	OlistLayout *layout;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	render = find_renderer(PG_GETARG_DATUM(1));
	layout = lay_out(olist_json_from_datum(PG_GETARG_DATUM(0)), "workflow");
	if (!PG_ARGISNULL(2))
		olist_measure_events(layout, olist_json_from_datum(PG_GETARG_DATUM(2)));
	return draw(layout, render);
}

/* the value of the first row's column, in the context that was current before SPI */
static Datum
first_value(MemoryContext context, int column)
{
	bool isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);
	MemoryContext previous = MemoryContextSwitchTo(context);

	value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	MemoryContextSwitchTo(previous);
	return value;
}

Datum
olist_etl_graph_workflow(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Renderer render = find_renderer(PG_GETARG_DATUM(1));
	MemoryContext context = CurrentMemoryContext;
	OlistSpiArg args[1];
	Datum definition;

	SPI_connect();
	args[0] = OLIST_SPI_TEXT(name);
	if (olist_spi_execute("SELECT w.definition"
						  " FROM olist_etl.workflow w"
						  " WHERE w.name = $1"
						  " ORDER BY w.version DESC"
						  " LIMIT 1",
						  SPI_OK_SELECT, 1, args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no workflow of that name"),
				 errhint("SELECT name FROM olist_etl.workflow shows those that you may "
						 "see.")));
	definition = first_value(context, 1);
	SPI_finish();
	return draw(lay_out(olist_json_from_datum(definition), olist_utf8_from_server(name)), render);
}

Datum
olist_etl_graph_run(PG_FUNCTION_ARGS)
{
	int64 run_id = PG_GETARG_INT64(0);
	Renderer render = find_renderer(PG_GETARG_DATUM(1));
	MemoryContext context = CurrentMemoryContext;
	OlistSpiArg args[1] = {OLIST_SPI_INT8(run_id)};
	OlistLayout *layout;
	MemoryContext previous;
	Datum definition;
	char *name;
	int len;

	SPI_connect();
	if (olist_spi_execute("SELECT w.definition, r.workflow"
						  " FROM olist_etl.run r"
						  " JOIN olist_etl.workflow w"
						  "   ON w.name = r.workflow AND w.version = r.version"
						  " WHERE r.run_id = $1",
						  SPI_OK_SELECT, 1, args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no run " INT64_FORMAT, run_id),
				 errhint("SELECT run_id FROM olist_etl.run shows those that you may see.")));
	definition = first_value(context, 1);
	name = olist_json_datum_text(first_value(context, 2), &len);
	previous = MemoryContextSwitchTo(context);
	layout =
		lay_out(olist_json_from_datum(definition), psprintf("%s, run " INT64_FORMAT, name, run_id));
	MemoryContextSwitchTo(previous);
	olist_measure_run(layout, run_id);
	layout->status = MemoryContextStrdup(context, layout->status);
	SPI_finish();
	return draw(layout, render);
}
