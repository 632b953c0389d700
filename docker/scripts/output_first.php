<?php
// For PUT: sends `bytes` bytes before it reads any of the content, then the number of content bytes
// in a last line. A client that does not read while it writes hangs here.
$left = isset($_GET['bytes']) ? (int) $_GET['bytes'] : 0;
$block = str_repeat('0123456789', 6553);

header('Content-Type: application/octet-stream');
while ($left > 0) {
    $piece = $left < strlen($block) ? substr($block, 0, $left) : $block;
    echo $piece;
    $left -= strlen($piece);
}
flush();

$length = 0;
$input = fopen('php://input', 'rb');
while (!feof($input)) {
    $length += strlen(fread($input, 65536));
}
echo "\n", $length, "\n";
