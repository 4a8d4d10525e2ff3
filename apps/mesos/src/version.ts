/** The version of Mesos whose behaviour is followed: upstream's HEAD. @see docs/adr */
export const MESOS_VERSION = '1.12.0';
