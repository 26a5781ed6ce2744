# OpenStack Swift as a second S3 server (test/servers/swift.sh), which lives as
# long as the test, also one that dies. It is an Olist::S3 like any other.
package Olist::Swift;

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Temp;
use Olist::S3;

our @ISA = ('Olist::S3');

my $script = dirname(__FILE__) . '/../../servers/swift.sh';

# temporary directories with a server in them, by path
my %running;

# A running server, or undef where Swift is not installed.
sub new_or_undef
{
	my ($class) = @_;
	return if system($script, 'installed') != 0;
	my $parent = File::Temp->newdir;
	my $directory = "$parent/swift";
	$running{$directory} = $parent;
	my %value = map { /^(\w+)=(.*)/ } split /\n/, qx("$script" start "$directory");
	die "swift.sh: it did not start\n" unless $value{S3_ENDPOINT};
	return $class->new(
		endpoint => $value{S3_ENDPOINT},
		access_key => $value{AWS_ACCESS_KEY_ID},
		secret_key => $value{AWS_SECRET_ACCESS_KEY});
}

END
{
	local $?;
	system($script, 'stop', $_) for keys %running;
}

1;
