# set_source() while a run is going on, at any moment: the run fails and says
# so, nothing of both sources is ever mixed or half published, and the next run
# gives what the new source holds.
use strict;
use warnings;

use Olist;
use Olist::Pipeline;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = olist_cluster('main', 'max_worker_processes = 12');
my $first = Olist::Pipeline->new($node, scale => 0.01, seed => 11);
my $second = Olist::Pipeline->new($node, scale => 0.01, seed => 22);
my $third = PostgreSQL::Test::Utils::tempdir();
$first->generate($third, scale => 0.01, seed => 33);

# a task that waits where a test wants it to, before a state of a copy of the workflow
$node->safe_psql('postgres', q{
	CREATE FUNCTION hold(jsonb) RETURNS jsonb LANGUAGE sql AS
		'SELECT pg_advisory_xact_lock_shared(6103); SELECT $1';
	CREATE FUNCTION make_held(before text) RETURNS integer LANGUAGE sql AS $$
		SELECT olist_etl.create_workflow('held', jsonb_set(definition::jsonb, '{States}',
			definition::jsonb -> 'States' || jsonb_build_object(
				before, jsonb_build_object('Type', 'Task', 'Resource', 'olist:public.hold',
					'Parameters', '{}'::jsonb, 'ResultPath', NULL, 'Next', before || ' after all'),
				before || ' after all', definition::jsonb #> ARRAY['States', before]))::json)
		FROM olist_etl.workflow WHERE name = 'olist'
	$$;});

sub set_source
{
	my ($pipeline) = @_;
	$node->safe_psql('postgres', qq{SELECT olist_etl.set_source('@{[ $pipeline->directory ]}')});
	return;
}

sub waiting_for
{
	my ($lock, $how_many) = @_;
	return poll_until(
		sub {
			$node->safe_psql('postgres', qq{SELECT count(*) FROM pg_locks l
				LEFT JOIN pg_class c ON c.oid = l.relation
				WHERE NOT l.granted AND coalesce(c.relname, l.locktype) = '$lock'}) >= $how_many;
		},
		"$how_many wait for $lock");
}

# what the last run came to
sub last_run
{
	return $node->safe_psql('postgres', q{
		SELECT status || ' ' || coalesce(error, '') || ' '
			|| coalesce(substring(cause FROM 'was pointed elsewhere.*: it begins'), cause, '')
		FROM olist_etl.run ORDER BY run_id DESC LIMIT 1});
}

# how many rows are staged, and how many objects are current, that are not of the source
sub foreign_objects
{
	return $node->safe_psql('postgres', q{
		SELECT format('%s rows, %s objects',
			(SELECT count(*) FROM (SELECT _object_id FROM olist_staging.orders
				UNION ALL SELECT _object_id FROM olist_staging.customers
				UNION ALL SELECT _object_id FROM olist_staging.order_items
				UNION ALL SELECT _object_id FROM olist_staging.order_payments
				UNION ALL SELECT _object_id FROM olist_staging.order_reviews
				UNION ALL SELECT _object_id FROM olist_staging.products
				UNION ALL SELECT _object_id FROM olist_staging.sellers
				UNION ALL SELECT _object_id FROM olist_staging.geolocation
				UNION ALL SELECT _object_id FROM olist_staging.category_translation) x
			  JOIN olist_etl.ledger l ON l.object_id = x._object_id
			  WHERE NOT starts_with(l.uri, s.uri)),
			(SELECT count(*) FROM olist_etl.ledger l WHERE l.is_current AND NOT starts_with(l.uri, s.uri)))
		FROM olist_etl.source s WHERE name = 'olist' AND NOT is_default});
}

my $elsewhere = "FAILED SQLSTATE.55000 was pointed elsewhere after its objects were discovered\n"
  . 'HINT: CALL olist_etl.run() again: it begins';

# what either source gives when nobody interferes
my %warehouse;
for my $pipeline ($first, $second)
{
	$pipeline->forget_everything if %warehouse;
	set_source($pipeline);
	is($pipeline->run->{status}, 'SUCCEEDED', 'a source is loaded undisturbed');
	$warehouse{$pipeline} = [ $pipeline->warehouse, $pipeline->dimensions ];
}
isnt($warehouse{$first}[0], $warehouse{$second}[0], 'two sources, two warehouses');

my $runner = $node->background_psql('postgres', on_error_stop => 0);
my $setter = $node->background_psql('postgres');
my $locker = $node->background_psql('postgres');
$_->query_safe('SET client_min_messages = error') for $runner, $setter;

# the run of $runner ends, with an error
sub await_run_end
{
	$runner->query_until(qr/ended/, '');
	$runner->{stderr} = '';
	return;
}

# while objects are being staged, by several workers and by the session alone
for my $workers (4, 0)
{
	set_source($first);
	$locker->query_safe('BEGIN; LOCK TABLE olist_etl.staged IN SHARE MODE');
	$runner->query_safe("SET olist_etl.max_workers = $workers");
	$runner->query_until(qr/begun/, "\\echo begun\nCALL olist_etl.run();\n\\echo ended\n");
	waiting_for('staged', $workers || 1);
	$setter->query_until(qr/begun/, qq{\\echo begun
		SELECT olist_etl.set_source('@{[ $second->directory ]}');\n\\echo pointed\n});
	waiting_for('source', 1);
	$locker->query_safe('COMMIT');
	await_run_end();
	$setter->query_until(qr/pointed/, '');
	is(last_run(), $elsewhere, "set_source() while $workers workers stage: the run says so");
	is(foreign_objects(), '0 rows, 0 objects', '... nothing of the former source is left');
	is_deeply([ $second->warehouse, $second->dimensions ], $warehouse{$second}, '... and what is published stays');
	is($second->run->{status}, 'SUCCEEDED', '... until the next run');
	is_deeply([ $second->warehouse, $second->dimensions ], $warehouse{$second}, '... which gives the new source');
	is($second->run->{rows}, '0', '... wholly');
}

# while the run waits between two tasks; the one before has committed
for my $before ('Stage and build', 'Check', 'Facts', 'Check again', 'Publish')
{
	set_source($first);
	$node->safe_psql('postgres', "SELECT make_held('$before')");
	$locker->query_safe('BEGIN; SELECT pg_advisory_xact_lock(6103)');
	$runner->query_safe('RESET olist_etl.max_workers');
	$runner->query_until(qr/begun/, "\\echo begun\nCALL olist_etl.run('held');\n\\echo ended\n");
	waiting_for('advisory', 1);
	set_source($second);
	$locker->query_safe('COMMIT');
	await_run_end();
	is(last_run(), $elsewhere, "set_source() before \"$before\": the run says so");
	is(foreign_objects(), '0 rows, 0 objects', '... nothing of the former source is left');
	is_deeply([ $second->warehouse, $second->dimensions ], $warehouse{$second}, '... and what is published stays');
	$runner->query('CALL olist_etl.resume()');
	$runner->{stderr} = '';
	is(last_run(), $elsewhere, '... nor can it be resumed');
	is($second->run->{status}, 'SUCCEEDED', '... but begun anew');
	is_deeply([ $second->warehouse, $second->dimensions ], $warehouse{$second}, '... which gives the new source');
}

# there and back again is no less elsewhere: what was staged has gone
set_source($first);
$node->safe_psql('postgres', q{SELECT make_held('Check')});
$locker->query_safe('BEGIN; SELECT pg_advisory_xact_lock(6103)');
$runner->query_until(qr/begun/, "\\echo begun\nCALL olist_etl.run('held');\n\\echo ended\n");
waiting_for('advisory', 1);
set_source($second);
set_source($first);
$locker->query_safe('COMMIT');
await_run_end();
is(last_run(), $elsewhere, 'set_source() and back again: the run says so');
is($first->run->{status}, 'SUCCEEDED', '... and the next one gives it all');
is($first->warehouse, $warehouse{$first}[0], '... from the first source again');

# an object that is passed by hand need not say where it was found
is($node->safe_psql('postgres', qq{
	SELECT olist_etl.set_source('$third');
	SELECT DISTINCT olist_etl.stage(o - 'source_version') ->> 'status'
	FROM jsonb_array_elements(olist_etl.discover() -> 'objects') o}), "\nloaded", 'an object without a version is staged');

$_->quit for $runner, $setter, $locker;
$node->stop;
done_testing();
