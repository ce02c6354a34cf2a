#include "workers/consumer-dicom/consumer_dicom.h"

int main(int argc, char **argv)
{
    const WorkerDefinition definition = consumer_dicom();
    return worker_main(argc, argv, &definition);
}
