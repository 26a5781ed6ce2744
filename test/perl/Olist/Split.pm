# What the tests of split invariance share: a data set that is loaded whole, and
# again in pieces, with bad luck in between.
#
#     my $split = Olist::Split->new($node, $directory);       # of nine files
#     $split->load_whole;
#     $split->load_pieces('month by month', by_month());
#     $split->load_pieces('40 pieces', at_random(40), disturbed => 1);
#     $split->correct_pieces;                                 # and load what is left anew
package Olist::Split;

use strict;
use warnings;

use File::Basename qw(basename);
use List::Util qw(shuffle);
use Olist;
use Olist::Flow;
use Olist::Pieces;
use Olist::Pipeline;
use PostgreSQL::Test::Utils;
use Test::More;

# where the server is stopped: while it stages, builds, publishes, and between
my @faults = qw(load-transferred:3 star-built:4 star-publish load-finished:2 star-published
  flow-task-commit-before:2 flow-schedule-commit-after:2 star-built:9 flow-end-commit-before);

# what a change in an object does not only add to the history of
my $changing = qr/_(orders|order_items|order_payments|order_reviews|customers|geolocation)_dataset|translation/;

sub new
{
	my ($class, $node, $directory) = @_;
	my $self = $class->in($node, 'postgres');
	@$self{qw(whole loads)} = ($directory, 0);
	correct_data_set($directory);
	return $self;
}

# over a database, which has a source or will have one
sub in
{
	my ($class, $node, $database) = @_;
	return bless { node => $node, database => $database, scratch => PostgreSQL::Test::Utils::tempdir() }, $class;
}

sub sql
{
	my ($self, $sql) = @_;
	return $self->{node}->safe_psql($self->{database}, $sql);
}

# CALL olist_etl.run() must succeed
sub run
{
	my ($self) = @_;
	my $run = $self->{pipeline}->run;
	return if $run->{status} eq 'SUCCEEDED';
	$self->{failed}++;
	diag "$run->{status} $run->{error} $run->{cause}\n$run->{messages}";
	return;
}

# rejects of an object that has a current version: a row that did not change with
# its object is still the former version's; what could not be staged of that is not
my $counted_rejects = q{olist_etl.reject r JOIN olist_etl.ledger l USING (object_id)
	JOIN olist_etl.ledger c ON c.target = l.target AND c.uri = l.uri AND c.is_current
		AND (l.is_current OR r.reason IN ('orphan', 'duplicate', 'no_key', 'out_of_range'))};

# rejects by entity, reason and contents; the warehouse does not keep a number's last zeros
sub rejects
{
	my ($self) = @_;
	return $self->sql(qq{
		SELECT l.entity, r.reason, count(*),
		       sum(CASE WHEN r.reason IN ('orphan', 'duplicate', 'no_key', 'out_of_range')
		                THEN jsonb_hash_extended(convert_from(r.raw, 'UTF8')::jsonb - '{_object_id,_line}'::text[], 0)
		                ELSE hashtextextended(convert_from(r.raw, 'UTF8'), 0) END)
		FROM $counted_rejects
		GROUP BY 1, 2 ORDER BY 1, 2});
}

# The source is DIRECTORY, and nothing has been loaded from anywhere.
sub start_anew
{
	my ($self, $directory) = @_;
	$self->{failed} = 0;
	$self->sql('DROP EXTENSION olist_etl CASCADE; DROP SCHEMA IF EXISTS olist_staging, olist_dw CASCADE;
		CREATE EXTENSION olist_etl; UPDATE olist_etl.entity SET is_required = false');
	$self->{pipeline} = Olist::Pipeline->over($self->{node}, $directory, $self->{database});
	return;
}

# All at once: what the pieces must come to.
sub load_whole
{
	my ($self) = @_;
	$self->start_anew($self->{whole});
	$self->run;
	is($self->{failed}, 0, 'the whole is loaded at once');
	$self->{rejects} = $self->rejects;
	note "rejects of the whole:\n$self->{rejects}";
	$self->sql('ALTER SCHEMA olist_dw RENAME TO whole');
	return;
}

# The server is stopped, as by a power cut, when a run reaches the point; the next
# run must make good.
sub crash
{
	my ($self, $fault) = @_;
	my $node = $self->{node};
	my $flow = Olist::Flow->new_over($node, dbname => $self->{database});
	my $log = -s $node->logfile;
	my $call = $flow->start_call('CALL olist_etl.run();',
		options => "-c olist_etl.fault=$fault=sleep -c olist_etl.max_workers=" . int rand 2);
	$self->{crashes}++
	  if poll_until(sub { slurp_file($node->logfile, $log) =~ /fault point "/ }, "a run reaches $fault", 60);
	$node->stop('immediate');
	$flow->finish($call);
	$node->start;
	return;
}

# Another version of the object in its place; the former one is put aside.
sub change
{
	my ($path, $aside) = @_;
	rename $path, $aside or die "$path: $!";
	alter_object($aside, "$path.new");
	rename "$path.new", $path or die "$path: $!";
	return;
}

# An object that has arrived changes, is loaded so, and is then what it was.
sub change_and_change_back
{
	my ($self, @arrived) = @_;
	my ($name) = shuffle grep { $_ =~ $changing } @arrived or return;
	my $path = $self->{pipeline}->directory . "/$name";
	my $aside = "$self->{scratch}/aside";
	note "changes and changes back: $name";
	change($path, $aside);
	$self->run;
	$self->{changed} += $self->sql(q{
		SELECT ((output ->> 'updated')::int + (output ->> 'deleted')::int > 0)::int FROM olist_etl.task
		WHERE run_id = (SELECT max(run_id) FROM olist_etl.run) AND state = 'Publish'});
	rename $aside, $path or die "$path: $!";
	$self->run;
	return;
}

# Natural keys whose surrogate key is another than it was; from then on those that
# are there now must stay.
sub keys_lost
{
	my ($self) = @_;
	return $self->sql(q{
		SET client_min_messages = warning;
		CREATE TABLE IF NOT EXISTS public.key (kind text, name text, key bigint);
		SELECT count(*) FROM public.key JOIN (
				SELECT 'order', order_id, order_key FROM olist_dw.fact_order
				UNION ALL SELECT 'place', zip_code_prefix, geography_key FROM olist_dw.dim_geography
				UNION ALL SELECT 'status', order_status, order_status_key FROM olist_dw.dim_order_status) AS now (kind, name, key)
			USING (kind, name)
		WHERE key.key <> now.key;
		TRUNCATE public.key;
		INSERT INTO public.key
			SELECT 'order', order_id, order_key FROM olist_dw.fact_order
			UNION ALL SELECT 'place', zip_code_prefix, geography_key FROM olist_dw.dim_geography
			UNION ALL SELECT 'status', order_status, order_status_key FROM olist_dw.dim_order_status});
}

# What the warehouse says, surrogate keys and provenance aside: a line for each row
# of each table, with the table's name before it.
sub rows
{
	my ($self) = @_;
	return split /\n/, $self->sql(slurp_file("$repository/test/sql/include/star_diff.psql") . q{;
		SELECT name || ' ' || contents FROM pg_temp.star_rows('olist_dw', false)});
}

# Where the warehouse and that of the schema differ, surrogate keys and provenance
# aside: nothing, or a line for each table.
sub differences
{
	my ($self, $schema) = @_;
	return $self->sql(slurp_file("$repository/test/sql/include/star_diff.psql") . qq{;
		SELECT format('%s: %s of %s rows only in $schema, %s of %s only in olist_dw', name, only_a, a_rows, only_b, b_rows)
		FROM pg_temp.star_diff('$schema', 'olist_dw', false) WHERE only_a + only_b > 0});
}

# Rows of the source that are neither in the warehouse nor among the rejects, or
# twice: nothing, or a line for each entity. ROWS: how many the source has.
sub rows_astray
{
	my ($self, $rows) = @_;
	my $values = join ', ', map { "('$_', $rows->{$_})" } sort keys %$rows;
	return $self->sql(qq{
		SELECT entity, source.rows, warehouse.rows, rejected.rows
		FROM (VALUES $values) AS source (entity, rows)
		JOIN (SELECT 'orders', count(*) FROM olist_dw.fact_order
			UNION ALL SELECT 'order_items', count(*) FROM olist_dw.fact_order_item
			UNION ALL SELECT 'order_payments', count(*) FROM olist_dw.fact_payment
			UNION ALL SELECT 'order_reviews', count(*) FROM olist_dw.fact_review
			UNION ALL SELECT 'customers', count(*) FROM olist_dw.customer_account
			UNION ALL SELECT 'geolocation', sum(point_count) FROM olist_dw.dim_geography
			UNION ALL SELECT 'category_translation', count(*) FROM olist_dw.category_translation)
			AS warehouse (entity, rows) USING (entity)
		LEFT JOIN (SELECT l.entity, count(*) FROM $counted_rejects GROUP BY 1) AS rejected (entity, rows) USING (entity)
		WHERE source.rows <> warehouse.rows + coalesce(rejected.rows, 0)});
}

# Objects of which the warehouse and the rejects have more or fewer rows than were
# read, a former version's for the current one: nothing, or a line for each.
sub objects_astray
{
	my ($self) = @_;
	my $rows = join ' UNION ALL ', map { "SELECT _object_id FROM olist_dw.$_" }
	  qw(fact_order fact_order_item fact_payment fact_review customer_account category_translation);
	return $self->sql(qq{
		SELECT c.uri, c.rows_read, c.rows_rejected, found.rejects, found.rows
		FROM (SELECT target, uri, sum(rows) AS rows, sum(rejects) AS rejects
			FROM (SELECT _object_id, 1, 0 FROM ($rows) AS warehouse
				UNION ALL SELECT object_id, 0, 1 FROM olist_etl.reject) AS r (object_id, rows, rejects)
			JOIN olist_etl.ledger l USING (object_id)
			GROUP BY target, uri) AS found
		JOIN olist_etl.ledger c USING (target, uri)
		WHERE c.is_current AND c.entity NOT IN ('products', 'sellers', 'geolocation')
		AND (c.rows_rejected <> found.rejects OR c.rows_read <> found.rows + found.rejects)});
}

# Cut as CHOOSE says, and loaded piece by piece: in order, or disturbed, in any
# order, with runs that find nothing new, objects that change and change back, and
# a server that is stopped.
sub load_pieces
{
	my ($self, $what, $choose, %param) = @_;
	my $source = $self->{scratch} . '/source' . ++$self->{loads};
	my $cut = cut_data_set($self->{whole}, "$self->{scratch}/cut$self->{loads}", $choose);
	my @pieces = sort keys %{ $cut->{pieces} };
	@pieces = shuffle @pieces if $param{disturbed};
	mkdir $source or die $!;
	$self->start_anew($source);
	$self->sql('DROP TABLE IF EXISTS public.key');
	@$self{qw(crashes changed)} = (0, 0);
	my ($runs, $idle, $keys_lost, $waited, @arrived) = (0, 0, 0, 0);
	my @crash_at = $param{disturbed} ? @faults : ();
	my $every = int(@pieces / @faults);
	foreach my $piece (@pieces)
	{
		my @files = @{ $cut->{pieces}{$piece} };
		rename "$self->{scratch}/cut$self->{loads}/$_", "$source/$_" or die "$_: $!" for @files;
		push @arrived, @files;
		$runs++;
		$self->crash(shift @crash_at) if @crash_at && $runs % $every == 0;
		$self->run;
		$keys_lost += $self->keys_lost;
		$waited += $self->sql(q{SELECT count(*) FROM olist_etl.reject WHERE reason = 'orphan'});
		next unless $param{disturbed};
		if ($runs % 4 == 0)
		{
			my $run = $self->{pipeline}->run;
			$idle++ unless "$run->{status} $run->{rows}" eq 'SUCCEEDED 0';
		}
		if ($runs % 10 == 5)
		{
			$self->change_and_change_back(@arrived);
			$self->sql('DROP TABLE public.key');
		}
	}
	is($self->{failed}, 0, sprintf '%s: %d runs over %d objects', $what, $runs, scalar @arrived);
	is($self->differences('whole'), '', '... give the warehouse of the whole, column for column');
	is($self->rejects, $self->{rejects}, '... and the same rejects');
	is($self->rows_astray($cut->{rows}), '', '... each row is somewhere, once');
	is($self->objects_astray, '', '... and leads to an object that shows it');
	is($keys_lost, 0, '... surrogate keys stay what they were');
	is($self->{pipeline}->run->{rows}, 0, '... and there is nothing left to do');
	return is($waited, 0, '... nor was anything waiting for its order on the way') unless $param{disturbed};
	is($idle, 0, '... nor was there in the runs to which nothing had come');
	cmp_ok($waited, '>', 0, '... much waited for its order on the way');
	is($self->{crashes}, scalar @faults, '... the server was stopped at every point');
	cmp_ok($self->{changed}, '>', 0, '... objects changed and changed back');
	return;
}

# Of the pieces that are loaded some are forgotten, of each entity one at least,
# and some change, and do not change back; what all that comes to is what a first
# load of the objects that are then left gives.
sub correct_pieces
{
	my ($self) = @_;
	my $directory = $self->{pipeline}->directory;
	my @objects = shuffle map { basename($_) } glob "$directory/*.csv";
	my (%seen, @forgotten, @changed);
	foreach my $name (@objects)
	{
		my $entity = $name =~ s/(dataset|translation).*//r;
		if    (!$seen{$entity}++ || rand(@objects) < 4)    { push @forgotten, $name }
		elsif ($name =~ $changing && rand(@objects) < 12) { push @changed, $name }
	}
	note "forgotten: @forgotten\nchanged: @changed";
	$self->sql('DROP TABLE IF EXISTS public.key');
	my $keys_lost = 0;
	foreach my $part (0 .. 2)
	{
		$self->sql("SELECT olist_etl.forget('$directory/$forgotten[$_]')") foreach grep { $_ % 3 == $part } 0 .. $#forgotten;
		# a place may be gone by now, and come back with what has changed
		$keys_lost += $self->keys_lost;
		change("$directory/$changed[$_]", "$self->{scratch}/former") foreach grep { $_ % 3 == $part } 0 .. $#changed;
		$self->run;
		$keys_lost += $self->keys_lost;
	}
	is($self->{failed}, 0, sprintf '%d objects are forgotten, and %d changed', scalar @forgotten, scalar @changed);
	is($keys_lost, 0, '... surrogate keys stay what they were');
	is($self->sql('SELECT count(*) FROM olist_etl.check()'), '0', '... and everything fits');
	my $rejects = $self->rejects;
	$self->sql('ALTER SCHEMA olist_dw RENAME TO corrected');
	unlink "$directory/$_" or die "$_: $!" foreach @forgotten;
	$self->start_anew($directory);
	$self->run;
	is($self->{failed}, 0, '... what is left is loaded anew');
	is($self->differences('corrected'), '', '... and gives the same warehouse, column for column');
	is($self->rejects, $rejects, '... and the same rejects');
	return;
}

1;
