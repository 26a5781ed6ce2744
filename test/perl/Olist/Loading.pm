# What the tests of loading share: a source with one file in a directory of its
# own, and questions about what has become of it.
#
#     my $source = Olist::Loading->new($node);
#     $source->write_orders(1000);
#     my $session = $source->stage_and_wait;    # has written its rows, has not committed
#     ...
#     is($source->state, 'new 1, 0 rows, ledger empty', '...');
package Olist::Loading;

use strict;
use warnings;

use Olist;
use PostgreSQL::Test::Utils;

# the task that stages whatever is to be staged
our $stage = q{SELECT 'stage: ' || (olist_etl.stage(o) ->> 'status')
	FROM jsonb_array_elements(olist_etl.discover() -> 'objects') o;};

sub new
{
	my ($class, $node) = @_;
	my $self = bless {
		node => $node,
		database => 'postgres',
		directory => PostgreSQL::Test::Utils::tempdir() }, $class;
	$node->safe_psql('postgres', qq{
		UPDATE olist_etl.entity SET is_required = false;
		SELECT olist_etl.set_source('$self->{directory}');
		SELECT olist_etl.create_staging();});
	return $self;
}

# A warehouse without any rows: where there is none, nothing counts as published.
sub make_warehouse
{
	my ($self) = @_;
	$self->{node}->safe_psql($self->{database}, join '', map { "SELECT olist_etl.$_();" }
		qw(build_dim_date build_dim_geography build_dim_order_status build_dim_payment_type
		  build_dim_product build_dim_seller build_dim_customer build_fact_order
		  build_fact_order_item build_fact_payment build_fact_review publish));
	return;
}

# The file of the source, COUNT orders long; each call makes a new version.
sub write_orders
{
	my ($self, $count) = @_;
	my $csv = "order_id,customer_id,order_status,order_purchase_timestamp\n";
	$csv .= sprintf "%032x,%032x,delivered,2018-01-%02d 10:00:00\n", $_, $_, $_ % 28 + 1 for 1 .. $count;
	$self->write_file('olist_orders_dataset.csv', $csv);
}

# any file of the source; it is replaced, never seen half written
sub write_file
{
	my ($self, $name, $content) = @_;
	open my $file, '>:raw', "$self->{directory}/.new" or die $!;
	print $file $content;
	close $file or die $!;
	rename "$self->{directory}/.new", "$self->{directory}/$name" or die $!;
}

# "STATUS NEW, N rows, ledger LINES": the object's status in discover() and how
# many objects are not published, the rows that are staged (distinct ones, if
# there are others), the ledger's lines
sub state
{
	my ($self) = @_;
	# in a statement of its own: it may empty what the next one looks at
	my $discovered = $self->{node}->safe_psql($self->{database}, q{
		SELECT coalesce(d -> 'objects' -> 0 ->> 'status', 'nothing') || ' ' || (d ->> 'new')
		FROM olist_etl.discover() d});
	return $self->{node}->safe_psql($self->{database}, qq{
		SELECT format('%s, %s rows, ledger %s', '$discovered',
			(SELECT CASE WHEN count(*) = count(DISTINCT order_id) THEN count(*)::text
			             ELSE format('%s (%s)', count(*), count(DISTINCT order_id)) END
			   FROM olist_staging.orders),
			(SELECT coalesce(string_agg(rows_loaded::text, ', ' ORDER BY object_id), 'empty')
			   FROM olist_etl.ledger))});
}

sub session
{
	my ($self) = @_;
	return $self->{node}->background_psql($self->{database}, on_error_stop => 0);
}

# Starts a session whose stage() has written its rows and waits for a lock
# before it can commit. Gives the session, its process, and the session that
# holds the lock. SETTING is SQL to run in it first.
sub stage_and_wait
{
	my ($self, $setting) = @_;
	my $locker = $self->session;
	$locker->query_safe('BEGIN; LOCK TABLE olist_etl.staged IN SHARE MODE');
	my $session = $self->session;
	$session->query_safe($setting) if $setting;
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_until(qr/begun/, "\\echo begun\n$stage\n\\echo ended\n");
	poll_until(
		sub {
			$self->{node}->safe_psql('postgres',
				"SELECT wait_event_type FROM pg_stat_activity WHERE pid = $pid") eq 'Lock';
		},
		'a session has written its rows and waits');
	return ($session, $pid, $locker);
}

1;
