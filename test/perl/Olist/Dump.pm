# Dumps a node's database postgres in every way that pg_dump has, and restores
# each dump into a database of its own, without a word of either.
#
#     each_restored($node, sub { my ($database) = @_; is(...) });
#
# The databases, named after the ways, are there until the node is gone.
package Olist::Dump;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(each_restored);

sub runs_silently
{
	my ($command, $what) = @_;
	my ($out, $err) = ('', '');
	ok(IPC::Run::run($command, '>', \$out, '2>', \$err), $what);
	is($err, '', '... without a word');
	return;
}

sub each_restored
{
	my ($node, $check) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir;
	my %way = (
		plain => [ [ 'pg_dump', '-f', "$dir/plain" ], [ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/plain" ] ],
		directory => [ [ 'pg_dump', '-Fd', '-j', '2', '-f', "$dir/dump" ], [ 'pg_restore', '-j', '2', "$dir/dump" ] ]);

	foreach my $database (sort keys %way)
	{
		my ($dump, $restore) = @{ $way{$database} };
		runs_silently([ @$dump, '-d', $node->connstr('postgres') ], "$database: dumped");
		$node->safe_psql('postgres', "CREATE DATABASE $database");
		runs_silently([ @$restore, '-d', $node->connstr($database) ], '... and restored');
		$check->($database);
	}
	return;
}

1;
